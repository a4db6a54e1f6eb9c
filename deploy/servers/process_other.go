//go:build !linux

package servers

import "syscall"

// childOf keeps a Ctrl-C in the terminal from the process. That it dies with the
// one that started it is for Linux only.
func childOf(attributes *syscall.SysProcAttr) *syscall.SysProcAttr {
	if attributes == nil {
		attributes = new(syscall.SysProcAttr)
	}
	attributes.Setpgid = true
	return attributes
}

// family is the process alone: its children are found on Linux only, so a
// PostgreSQL is paused in part.
func family(pid int) []int { return []int{pid} }

// stopped believes the signal.
func stopped(int) bool { return true }
