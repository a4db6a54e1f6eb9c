package embedded

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// serverGrace is how long a clickhouse server may take to end after it was asked to.
const serverGrace = 10 * time.Second

// runServer runs "clickhouse server" for as long as the pipe is open. A server of its own does not notice that the
// process which started it has died; this one in between does.
func runServer(a childArgs) error {
	// The death signal below is sent when the thread that started the server ends, so this one must stay.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	pipe, err := os.Open(a.fifo)
	if err != nil {
		return fmt.Errorf("cannot watch the parent process: %w", err)
	}
	defer pipe.Close()

	cmd := exec.Command(a.server, "server", "--config-file="+a.config)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = dieWithParent()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot start %s: %w", a.server, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	released := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, pipe)
		released <- err
	}()

	select {
	case err := <-ended:
		return fmt.Errorf("cannot run %s: it ended by itself: %w", a.server, err)
	case <-released: //nolint:errcheck // However the parent ended, the server must end.
		return endServer(cmd, ended)
	}
}

func endServer(cmd *exec.Cmd, ended <-chan error) error {
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("cannot end %s: %w", cmd.Path, err)
	}
	select {
	case <-ended: //nolint:errcheck // It was told to end; how it did is in its log.
		return nil
	case <-time.After(serverGrace):
	}
	if err := cmd.Process.Kill(); err != nil {
		return fmt.Errorf("cannot end %s: %w", cmd.Path, err)
	}
	<-ended //nolint:errcheck // It was killed.
	return nil
}
