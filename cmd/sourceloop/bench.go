package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	measuring "sourceloop/deploy/bench"
)

type benchCommand struct {
	Area    string `arg:"" help:"What to measure: collect, pipeline, identity, freshness, reports."`
	Hits    int    `help:"How many hits each side is given." default:"500000" placeholder:"N"`
	JSON    bool   `name:"json" help:"Print the report as JSON."`
	Profile string `help:"Folder that gets profiles of the product, for go tool pprof." placeholder:"DIR" type:"existingdir"`
	Only    string `help:"Of reports, measure only this." enum:",attribution,funnel,traffic,places,busy" default:""`
	Keep    bool   `help:"Make the data of reports in --data itself, leave it there, and use it again when it is there."`
	Data    string `help:"Folder for the data of the run, deleted afterwards; one of the system's by default." placeholder:"DIR" type:"path"`
}

// Run measures one area; stdout gets the report, and nothing else.
func (c *benchCommand) Run(ctx context.Context, log *slog.Logger) (err error) {
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot find this program's own file: %w", err)
	}
	dir := c.Data
	if !c.Keep || dir == "" {
		if dir, err = os.MkdirTemp(c.Data, "sourceloop-bench-"); err != nil {
			return fmt.Errorf("cannot make a folder for the run: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	report, err := measuring.Run(ctx, c.Area, measuring.Config{
		Hits: c.Hits, Dir: dir, Executable: executable, Profiles: c.Profile, Only: c.Only, Log: log,
		Groups: measuring.Groups{Hits: groupSessionize, Leads: groupStitch},
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return report.WriteJSON(os.Stdout)
	}
	return report.WriteText(os.Stdout)
}

// benchPartCommand is a program that takes part in a measurement.
type benchPartCommand struct {
	Name       string `arg:""`
	Data       string
	Kafka      string
	ClickHouse string `name:"clickhouse"`
	Hits       int
}

// Run is the part until its input ends.
func (c *benchPartCommand) Run(ctx context.Context, log *slog.Logger) error {
	return measuring.RunPart(ctx, c.Name, measuring.PartConfig{
		Data: c.Data, Kafka: c.Kafka, ClickHouse: c.ClickHouse, Hits: c.Hits, In: os.Stdin, Out: os.Stdout,
		Serve: func(handler http.Handler) (string, func() error, error) {
			l, err := listen("127.0.0.1:0")
			if err != nil {
				return "", nil, err
			}
			w := serveHTTP(l, handler, log)
			return l.Addr().String(), func() error { return w.close(time.Second) }, nil
		},
	})
}
