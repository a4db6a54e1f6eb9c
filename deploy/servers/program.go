package servers

import (
	"context"
	"os/exec"
)

// ProgramConfig describes another program than a server that is to be started,
// paused and killed like one.
type ProgramConfig struct {
	Name string
	Dir  string // Folder of its own; a fresh temporary one when empty.

	Command func() *exec.Cmd            // Made anew for every start.
	Ready   func(context.Context) error // Nil when it can do its work.
}

// NewProgram makes a process that is not started yet. It is asked to end with
// SIGTERM.
func NewProgram(config ProgramConfig) (*Process, error) {
	folder, err := newFolder(config.Dir, config.Name)
	if err != nil {
		return nil, err
	}
	return &Process{spec: spec{name: config.Name, folder: folder, command: config.Command, ready: config.Ready, stop: sigterm}}, nil
}
