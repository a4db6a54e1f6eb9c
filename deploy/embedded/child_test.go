package embedded

import (
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestChildArgsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(1, 20, -1)
		a := childArgs{config: text.Draw(t, "config"), data: text.Draw(t, "data"), fifo: text.Draw(t, "fifo"), remove: rapid.String().Draw(t, "remove")}
		if rapid.Bool().Draw(t, "server") {
			a.server = text.Draw(t, "path")
		} else {
			a.library = text.Draw(t, "path")
		}
		if got, err := parseChildArgs(a.list()); err != nil || got != a {
			t.Fatalf("parseChildArgs(%q) = %+v, %v; want %+v", a.list(), got, err, a)
		}
	})
}

func TestChildRefusesIncompleteArguments(t *testing.T) {
	for _, args := range []string{"", "-library l", "-library l -config c", "-library l -server s -config c -data d", "-config c -data d", "-unknown x"} {
		if err := RunClickHouseChild(strings.Fields(args)); err == nil {
			t.Errorf("it ran with %q", args)
		}
	}
}

// Whatever the folder is called, the configuration is XML that names it.
func TestConfigurationNamesAnyFolder(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[ -~äß日]{1,20}`).Draw(t, "folder")
		c := configuration{Data: "/" + name, Users: "/users/" + name, Host: loopbackHost, Writer: WriterUser, Reader: ReaderUser, Local: true}
		l := layout{dir: dir}
		if err := c.write(l); err != nil {
			t.Fatal(err)
		}
		var got struct {
			Path  string `xml:"path"`
			Users string `xml:"user_directories>users_xml>path"`
		}
		unmarshal(t, l.config(), &got)
		if got.Path != c.Data+"/" || got.Users != c.Users {
			t.Fatalf("the configuration names %+v, want %q and %q", got, c.Data, c.Users)
		}
		unmarshal(t, l.users(), new(struct{}))
	})
}

func unmarshal(t *rapid.T, path string, into any) {
	bytes, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(bytes, into); err != nil {
		t.Fatalf("%s: %v\n%s", path, err, bytes)
	}
}

func TestSQLString(t *testing.T) {
	for in, want := range map[string]string{`/dev/stdin`: `'/dev/stdin'`, `it's`: `'it\'s'`, `a\b`: `'a\\b'`} {
		if got := sqlString(in); got != want {
			t.Errorf("sqlString(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	tail := newTail(5)
	for _, s := range []string{"abc", "defg", "", "h"} {
		if n, err := tail.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatalf("Write(%q) = %d, %v", s, n, err)
		}
	}
	if got := tail.String(); got != "defgh" {
		t.Errorf("the tail is %q, want %q", got, "defgh")
	}
}

// A clickhouse binary runs for as long as the pipe is open, with our configuration, and no longer.
func TestServerEndsWithThePipe(t *testing.T) {
	dir := t.TempDir()
	told, fifo := filepath.Join(dir, "told"), filepath.Join(dir, "fifo")
	server := filepath.Join(dir, "clickhouse")
	script := "#!/bin/sh\necho \"$@\" > " + told + ".new; mv " + told + ".new " + told + "\nexec sleep 600\n"
	if err := os.WriteFile(server, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfifo", fifo).CombinedOutput(); err != nil {
		t.Fatalf("mkfifo: %v\n%s", err, out)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- RunClickHouseChild([]string{"-server", server, "-config", "c.xml", "-data", dir, "-fifo", fifo})
	}()
	parent, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	arguments := await(t, told, ended)
	if strings.TrimSpace(arguments) != "server --config-file=c.xml" {
		t.Errorf("the server was started with %q", arguments)
	}
	if err := parent.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the child ended with %v, want nil", err)
	}
}

func await(t *testing.T, path string, ended <-chan error) string {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for {
		if bytes, err := os.ReadFile(path); err == nil {
			return string(bytes)
		}
		select {
		case <-tick.C:
		case err := <-ended:
			t.Fatalf("it ended: %v", err)
		case <-deadline:
			t.Fatalf("waited a minute in vain for %s", path)
		}
	}
}
