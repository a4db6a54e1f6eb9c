package failpoint_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"sourceloop/deploy/chaos/failpoint"
)

func TestNothingIsAskedFor(t *testing.T) {
	if set, err := failpoint.Parse("", ""); set != nil || err != nil {
		t.Errorf("nothing gives %v, %v", set, err)
	}
}

func TestItFailsOnceAtItsTurn(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	set, err := failpoint.Parse("stitch.after-rows=error@3,stitch.takeover=error", log)
	if err != nil {
		t.Fatal(err)
	}
	for pass := range 5 {
		err := set.Reach("stitch.after-rows")
		if got, want := errors.Is(err, failpoint.ErrFired), pass == 2; got != want {
			t.Errorf("pass %d: %v", pass, err)
		}
	}
	if err := set.Reach("stitch.after-redis"); err != nil {
		t.Errorf("another place: %v", err)
	}
	text, err := os.ReadFile(log)
	if err != nil || !strings.HasPrefix(string(text), "stitch.after-rows error ") || strings.Count(string(text), "\n") != 1 {
		t.Errorf("the log says %q, %v", text, err)
	}
}

func TestWhatCannotBeReadIsRefused(t *testing.T) {
	for _, text := range []string{"stitch.after-rows", "stitch.after-rows=", "stitch.after-rows=die", "stitch.after-rows=kill@", "stitch.after-rows=kill@0",
		"stitch.nowhere=kill", "stitch.after-rows=kill,", "=kill"} {
		if _, err := failpoint.Parse(text, ""); err == nil || !strings.Contains(err.Error(), failpoint.Variable) {
			t.Errorf("%q gives %v", text, err)
		}
	}
	if _, err := failpoint.Parse("stitch.after-rows=kill", filepath.Join(t.TempDir(), "no", "folder")); err == nil {
		t.Error("a log that cannot be written is no error")
	}
}

// TestMain is also the process that dies: with failpoints in its environment it runs into one.
func TestMain(m *testing.M) {
	set, err := failpoint.FromEnvironment()
	if err != nil {
		panic(err)
	}
	if set == nil {
		os.Exit(m.Run())
	}
	_ = set.Reach("collect.after-append") // It was asked not to return, or to stop.
	os.Exit(3)
}

func child(t *testing.T, action string) (*exec.Cmd, string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(t.TempDir(), "log")
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), failpoint.Variable+"=collect.after-append="+action, failpoint.LogVariable+"="+log)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, log
}

func TestItKills(t *testing.T) {
	cmd, log := child(t, failpoint.Kill)
	err := cmd.Wait()
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Errorf("the process ended with %v, want that it was killed", err)
	}
	if text, err := os.ReadFile(log); err != nil || !strings.HasPrefix(string(text), "collect.after-append kill ") {
		t.Errorf("the log says %q, %v", text, err)
	}
}

func TestItStopsAndGoesOn(t *testing.T) {
	cmd, _ := child(t, failpoint.Stop)
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("the process has the status %x, %v; want that it is stopped", status, err)
	}
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // Its status says the rest.
	if code := cmd.ProcessState.ExitCode(); code != 3 {
		t.Errorf("continued, the process ended with %d", code)
	}
}

// TestEveryPlaceIsInTheProduct finds the places in the stages' code: none is only listed, and none is missing here.
func TestEveryPlaceIsInTheProduct(t *testing.T) {
	found := map[string]bool{}
	call := regexp.MustCompile(`\.Fail\.At\("([a-z.-]+)"\)`)
	err := filepath.WalkDir("../../../pipeline", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, match := range call.FindAllSubmatch(text, -1) {
			found[string(match[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, names := range failpoint.Names() {
		for _, name := range names {
			if !strings.HasSuffix(name, ".before-commit") { // The stream names them after its stages.
				listed = append(listed, name)
			}
		}
	}
	slices.Sort(listed)
	if inCode := slices.Sorted(maps.Keys(found)); !slices.Equal(inCode, listed) {
		t.Errorf("in the code are %q, and listed are %q", inCode, listed)
	}
}
