// Command chchild is the ClickHouse child process alone, for tests: a test binary has no subcommands to start.
package main

import (
	"os"

	"sourceloop/deploy/embedded"
)

func main() { os.Exit(embedded.ChildMain(os.Args[1:])) }
