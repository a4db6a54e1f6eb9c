//go:build !linux

package embedded

import "syscall"

// dieWithParent is for Linux only; elsewhere a server outlives a parent that was killed in between, until it is ended by
// hand. The library is what such machines should use.
func dieWithParent() *syscall.SysProcAttr { return nil }
