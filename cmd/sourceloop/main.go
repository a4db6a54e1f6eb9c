// Command sourceloop is the whole product in one binary: the collector, the
// pipeline and the API with the dashboard, each a role of "serve"; the demo;
// and the vendors' stand-ins. This package only wires: a file per subcommand.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"sourceloop/deploy/embedded"
	"sourceloop/schema"
)

// version is what "sourceloop version" prints.
const version = "0.1.0"

type cli struct {
	LogLevel  slog.Level `help:"Least level of what is logged on stderr: debug, info, warn, error." default:"info" env:"SOURCELOOP_LOG_LEVEL"`
	LogFormat string     `help:"Form of the log: text or json." enum:"text,json" default:"text" env:"SOURCELOOP_LOG_FORMAT"`
	Debug     string     `help:"Loopback address that serves Go's profiles; none by default." env:"SOURCELOOP_DEBUG" placeholder:"HOST:PORT"`

	Serve   serveCommand   `cmd:"" help:"Run collector, pipeline and API; by default with embedded engines."`
	Demo    demoCommand    `cmd:"" help:"Run everything with a demo workspace, a demo site and a stand-in Intercom."`
	Standin standinCommand `cmd:"" help:"Run one vendor's stand-in alone."`
	Load    loadCommand    `cmd:"" help:"Send realistic traffic through the front door and print what must come out."`
	Check   checkCommand   `cmd:"" help:"Compare the API's answers with what must come out."`
	Dead    deadCommand    `cmd:"" help:"List, show and replay what could not be processed."`
	BI      biCommand      `cmd:"" name:"bi" help:"Who may read ClickHouse with a BI tool."`
	Rebuild rebuildCommand `cmd:"" help:"Derive sessions and credits anew from what is stored."`
	Doctor  doctorCommand  `cmd:"" help:"Find out why a chat does not arrive."`
	Erase   eraseCommand   `cmd:"" help:"Delete what concerns a person, everywhere, and say what was done."`
	Bench   benchCommand   `cmd:"" help:"Measure an area against plain alternatives."`
	Ready   readyCommand   `cmd:"" help:"Ask the process on this machine whether it is ready, for health checks."`
	Version versionCommand `cmd:"" help:"Print the version."`

	BenchPart benchPartCommand `cmd:"" hidden:""`
}

type versionCommand struct{}

func (versionCommand) Run() error {
	_, err := fmt.Println("sourceloop", version)
	return err
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == embedded.ChildCommand {
		os.Exit(embedded.ChildMain(os.Args[2:]))
	}
	os.Exit(run())
}

func run() int {
	var c cli
	parser := kong.Must(&c, kong.Name("sourceloop"), kong.UsageOnError(),
		kong.Description("Which marketing channel earned each conversation."))
	command, err := parser.Parse(os.Args[1:])
	parser.FatalIfErrorf(err)
	log := newLogger(c.LogLevel, c.LogFormat)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	command.BindTo(ctx, (*context.Context)(nil))
	if err := serveDebug(c.Debug, log); err != nil {
		tell(err)
		return 1
	}
	if err := command.Run(log); err != nil && !errors.Is(err, context.Canceled) {
		tell(err)
		return 1
	}
	return 0
}

// tell says to a person what happened.
func tell(err error) {
	var e *schema.Error
	if errors.As(err, &e) {
		fmt.Fprintf(os.Stderr, "sourceloop: %s\n", e.Text)
		if e.Err == nil {
			return
		}
	}
	fmt.Fprintf(os.Stderr, "sourceloop: %v\n", err)
}

func newLogger(level slog.Level, format string) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}
