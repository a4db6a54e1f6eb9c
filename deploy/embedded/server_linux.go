package embedded

import "syscall"

// dieWithParent makes the kernel end a process when the one that started it is killed.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
}
