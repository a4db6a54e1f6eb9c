package embedded

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"
)

// ChildCommand is the hidden subcommand under which the program's main function calls RunClickHouseChild.
const ChildCommand = "clickhouse-child"

// standardInput is the pipe whose other end the parent holds open for as long as it wants the engine.
const standardInput = "/dev/stdin"

// childErrorPrefix marks the line of standard error that the parent reports.
const childErrorPrefix = ChildCommand + ": "

// childArgs is what the parent tells the child on its command line. Nothing in it is secret: the passwords of the run
// are in configuration files that only the owner of the data folder can read.
type childArgs struct {
	library string // Path of libchdb; or
	server  string // path of a clickhouse binary.
	config  string // ClickHouse configuration file (XML).
	data    string // ClickHouse's own data folder.
	fifo    string // Its end of file ends the engine.
	remove  string // Folder to delete afterwards, for tests; empty for none.
}

func (a childArgs) list() []string {
	args := []string{"-config", a.config, "-data", a.data, "-fifo", a.fifo}
	if a.server != "" {
		args = append(args, "-server", a.server)
	} else {
		args = append(args, "-library", a.library)
	}
	if a.remove != "" {
		args = append(args, "-remove", a.remove)
	}
	return args
}

func parseChildArgs(args []string) (childArgs, error) {
	var a childArgs
	flags := flag.NewFlagSet(ChildCommand, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&a.library, "library", "", "path of libchdb")
	flags.StringVar(&a.server, "server", "", "path of a clickhouse binary to run instead of the library")
	flags.StringVar(&a.config, "config", "", "ClickHouse configuration file")
	flags.StringVar(&a.data, "data", "", "ClickHouse data folder")
	flags.StringVar(&a.fifo, "fifo", standardInput, "pipe whose end ends the engine")
	flags.StringVar(&a.remove, "remove", "", "folder to delete afterwards")
	if err := flags.Parse(args); err != nil {
		return childArgs{}, fmt.Errorf("cannot read the arguments of %s: %w", ChildCommand, err)
	}
	if a.config == "" || a.data == "" || (a.library == "") == (a.server == "") {
		return childArgs{}, fmt.Errorf("cannot start %s: it needs -config, -data, and one of -library and -server; sourceloop starts this command itself, use sourceloop serve", ChildCommand)
	}
	return a, nil
}

// RunClickHouseChild is the whole life of the child process. It runs ClickHouse with its TCP and HTTP listeners open
// until its standard input ends: the parent closed it, or died. args are the arguments after ChildCommand. It returns
// nil when it was ended in that way, and the engine's own words when the engine failed.
func RunClickHouseChild(args []string) (err error) {
	a, err := parseChildArgs(args)
	if err != nil {
		return err
	}
	if a.remove != "" {
		defer func() { err = errors.Join(err, os.RemoveAll(a.remove)) }()
	}
	if a.server != "" {
		return runServer(a)
	}
	return runLibrary(a)
}

// ChildMain runs RunClickHouseChild and gives the exit code of the process. What failed is written to standard error,
// from where the parent takes it into its own error.
func ChildMain(args []string) int {
	if err := RunClickHouseChild(args); err != nil {
		fmt.Fprintln(os.Stderr, childErrorPrefix+err.Error())
		return 1
	}
	return 0
}

// runLibrary is clickhouse-local, held open by a last query that reads a pipe nobody writes to.
func runLibrary(a childArgs) error {
	// The engine keeps state per thread between its start and the end of its queries.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	lib, err := loadLibrary(a.library)
	if err != nil {
		return err
	}
	return lib.run([]string{
		"clickhouse",
		"--config-file=" + a.config,
		"--path=" + a.data,
		// The level in the configuration is not enough: without this everything is logged, personal data in queries included.
		"--log-level=fatal",
		"--query", "SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; SELECT * FROM file(" + sqlString(a.fifo) + ", LineAsString) FORMAT Null",
	})
}

func sqlString(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}

// library holds the two C entries of libchdb that are used.
type library struct {
	queryCmdline func(argc int32, argv unsafe.Pointer) uintptr
	resultError  func(result uintptr) string
}

func loadLibrary(path string) (*library, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, fmt.Errorf("cannot load the ClickHouse library %s: %w", path, err)
	}
	for _, name := range []string{"chdb_query_cmdline", "chdb_result_error"} {
		if _, err := purego.Dlsym(handle, name); err != nil {
			return nil, fmt.Errorf("cannot use %s: it has no %s, so it is not libchdb %s: %w", path, name, LibraryVersion, err)
		}
	}
	var l library
	purego.RegisterLibFunc(&l.queryCmdline, handle, "chdb_query_cmdline")
	purego.RegisterLibFunc(&l.resultError, handle, "chdb_result_error")
	return &l, nil
}

// run calls the engine as a C program would call main, and waits for it.
func (l *library) run(args []string) error {
	// C strings on the Go heap: the collector does not move them, and KeepAlive holds them for as long as the engine runs.
	strs := make([][]byte, len(args))
	argv := make([]*byte, len(args)+1)
	for i, arg := range args {
		strs[i] = append([]byte(arg), 0)
		argv[i] = &strs[i][0]
	}
	result := l.queryCmdline(int32(len(args)), unsafe.Pointer(&argv[0])) //nolint:gosec // The C entry takes argv; KeepAlive below holds what it points at.
	runtime.KeepAlive(strs)
	runtime.KeepAlive(argv)
	if result == 0 {
		return errors.New("cannot run ClickHouse: the library gave no result")
	}
	if words := strings.TrimSpace(l.resultError(result)); words != "" {
		return fmt.Errorf("cannot run ClickHouse: %s", words)
	}
	return nil
}
