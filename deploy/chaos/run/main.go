// Command run is what "make chaos" runs: it kills, stops and cuts what the
// product consists of and stands on, while load runs, and tells what was lost.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"sourceloop/deploy/chaos"
)

// A run of at least so long is asked for more than that nothing is lost: so many
// kills that count, and that every failpoint fired.
const (
	thorough = 20 * time.Minute
	enough   = 150
)

func main() {
	config := chaos.Config{Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	flag.StringVar(&config.Binary, "binary", "bin/sourceloop", "the built program")
	flag.DurationVar(&config.For, "for", time.Minute, "how long faults happen")
	flag.Uint64Var(&config.Seed, "seed", 0, "of what happens; made up when 0")
	flag.IntVar(&config.Rate, "rate", 100, "hits a second")
	flag.StringVar(&config.Dir, "dir", "", "folder that keeps everything; a temporary one by default")
	flag.BoolVar(&config.Quiet, "quiet", false, "without any fault")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	report, err := chaos.Run(ctx, config)
	if report != nil {
		tell(report)
		if err == nil && config.For >= thorough && !config.Quiet && (len(report.Unfired) > 0 || report.Kills < enough) {
			err = fmt.Errorf("only %d kills count, and %d failpoints never fired: %s", report.Kills, len(report.Unfired), strings.Join(report.Unfired, ", "))
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	fmt.Println(report)
	if err != nil {
		os.Exit(1)
	}
}

func tell(r *chaos.Report) {
	fmt.Printf("seed %d\n", r.Seed)
	for what, counts := range map[string]map[string]int{"kills that count": r.By, "faults": r.Faults, "ended by themselves": r.Ends} {
		fmt.Printf("%s:", what)
		for _, name := range slices.Sorted(maps.Keys(counts)) {
			fmt.Printf(" %s %d,", name, counts[name])
		}
		fmt.Println()
	}
	fmt.Printf("kills of what had handled nothing: %d\nfailpoints that never fired: %s\n", r.Idle, strings.Join(r.Unfired, ", "))
	fmt.Println("check:", r.Compared)
}
