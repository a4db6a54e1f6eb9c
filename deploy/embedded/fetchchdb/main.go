// Command fetchchdb fetches the ClickHouse library into a cache folder with npm. The program itself never downloads
// anything; this command, which make build runs, is the one place that does.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"sourceloop/deploy/embedded"
)

func main() {
	cache := flag.String("cache", filepath.Join(".cache", "chdb"), "folder to fetch into; the default is found from bin/sourceloop")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if _, err := embedded.FetchLibrary(ctx, *cache, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
