package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sourceloop/control"
	"sourceloop/control/seal"
	"sourceloop/schema"
)

// storeFlags say where the settings database is, for commands beside "serve".
type storeFlags struct {
	Data     string `help:"Data folder of serve." default:"data" env:"SOURCELOOP_DATA" type:"path"`
	Database string `help:"Settings database as postgres://…; SQLite in the data folder when empty." env:"SOURCELOOP_DATABASE" placeholder:"DSN"`
	Keys     string `help:"Keys that seal tokens, as serve has them." env:"SOURCELOOP_KEYS" placeholder:"KEYS"`
	KeysFile string `help:"File with these keys; keys in the data folder when empty." env:"SOURCELOOP_KEYS_FILE" type:"path" placeholder:"FILE"`
}

// open opens the database of a process that may be running: it is made for
// several.
func (f *storeFlags) open(ctx context.Context, log *slog.Logger) (*control.Store, error) {
	dsn := f.Database
	if dsn == "" {
		path := filepath.Join(f.Data, "settings.db")
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, schema.E("open", schema.KindInvalid,
				"There is no settings database %s. Name the folder that serve works on with --data, or its database with --database.", path)
		}
		dsn = "sqlite:" + path
	}
	ring, err := f.ring()
	if err != nil {
		return nil, err
	}
	return control.Open(ctx, dsn, control.Options{Keys: ring, Log: log})
}

func (f *storeFlags) ring() (*seal.Ring, error) {
	if f.Keys != "" {
		return seal.Parse(f.Keys)
	}
	if f.KeysFile != "" {
		return seal.OpenFile(f.KeysFile)
	}
	return seal.OpenFile(filepath.Join(f.Data, "keys"))
}

type rebuildCommand struct {
	Workspace    uint32 `help:"Number of the workspace; all by default." placeholder:"N"`
	Late         bool   `help:"Only fold in what came too late, as every night does."`
	Journeys     bool   `help:"Only copy the sessions of all workspaces into journeys anew, where funnels find them faster. No number depends on it."`
	From         string `help:"First day, in the workspace's time zone: only visitors with a hit since then, and the settings of now hold since then." placeholder:"YYYY-MM-DD"`
	To           string `help:"Last day; needs --keep-settings." placeholder:"YYYY-MM-DD"`
	KeepSettings bool   `help:"Derive under the settings of each time, as they are dated, instead of those of now."`
	Wait         bool   `help:"Wait until it is done and show how far it is." default:"true" negatable:""`

	storeFlags
}

// Run asks for a rebuild and follows it. The pipeline does it, beside what
// arrives.
func (c *rebuildCommand) Run(ctx context.Context, log *slog.Logger) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	store, err := c.open(ctx, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	task, err := c.request(ctx, store)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "Task %d: asked for.\n", task.ID)
	if !c.Wait {
		return nil
	}
	return followTask(ctx, store, task.ID, func(t *control.Task) bool { return t.Finished })
}

func (c *rebuildCommand) request(ctx context.Context, store *control.Store) (task control.Task, err error) {
	if c.Journeys {
		return store.RequestJourneys(ctx)
	}
	body, err := c.body(store)
	if err != nil {
		return task, err
	}
	if err := c.date(ctx, store, body.From); err != nil {
		return task, err
	}
	return store.RequestRebuild(ctx, c.Workspace, body)
}

func (c *rebuildCommand) check() error {
	switch {
	case c.Journeys && (c.Workspace != 0 || c.Late || c.From != "" || c.To != "" || c.KeepSettings):
		return schema.E("rebuild", schema.KindInvalid, "--journeys copies the sessions of all workspaces as they are; leave out the other options.")
	case c.Late && (c.From != "" || c.To != ""):
		return schema.E("rebuild", schema.KindInvalid, "--late takes all that came too late; leave out --from and --to.")
	case c.To != "" && !c.KeepSettings:
		return schema.E("rebuild", schema.KindInvalid,
			"The settings of now cannot hold up to --to only. Leave it out, or derive under the settings of each time with --keep-settings.")
	}
	return nil
}

func (c *rebuildCommand) body(store *control.Store) (body control.TaskBody, err error) {
	zone := time.UTC
	if c.Workspace != 0 {
		w, known := store.Directory().Workspace(c.Workspace)
		if !known {
			return body, schema.E("rebuild", schema.KindUnknown, "There is no workspace %d. %s", c.Workspace, listWorkspaces(store))
		}
		zone = w.Zone
	}
	body.Late = c.Late
	if body.From, err = day(c.From, zone, 0); err != nil {
		return body, err
	}
	body.To, err = day(c.To, zone, 1)
	return body, err
}

func day(text string, zone *time.Location, after int) (schema.Millis, error) {
	if text == "" {
		return 0, nil
	}
	at, err := time.ParseInLocation(time.DateOnly, text, zone)
	if err != nil {
		return 0, schema.E("rebuild", schema.KindInvalid, "%q is no day. Write it as 2026-11-24.", text)
	}
	return schema.MillisOf(at.AddDate(0, 0, after)), nil
}

// date makes the settings of now those of everything since from.
func (c *rebuildCommand) date(ctx context.Context, store *control.Store, from schema.Millis) error {
	if c.Late || c.KeepSettings {
		return nil
	}
	for _, w := range store.Directory().Workspaces() {
		if c.Workspace != 0 && w.ID != c.Workspace {
			continue
		}
		set, differs, err := store.DateSettings(ctx, control.Operator(w.ID), from)
		if err != nil {
			return err
		}
		if differs {
			since := "ever"
			if from > 0 {
				since = from.Time().In(w.Zone).Format(time.RFC3339)
			}
			fmt.Fprintf(os.Stderr, "Workspace %d: the settings of now, version %d, hold since %s.\n", w.ID, set.Version, since)
		}
	}
	return nil
}

func listWorkspaces(store *control.Store) string {
	var names []string
	for _, w := range store.Directory().Workspaces() {
		names = append(names, fmt.Sprintf("%d %s", w.ID, w.Name))
	}
	if len(names) == 0 {
		return "There is none yet."
	}
	slices.Sort(names)
	return "There are: " + strings.Join(names, ", ") + "."
}

// followTask shows how far a task is until that is enough.
func followTask(ctx context.Context, store *control.Store, id int64, enough func(*control.Task) bool) error {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	begun, last, warned := time.Now(), "", false // The clock is for the warning only.
	for {
		task, err := store.Task(ctx, id)
		if err != nil {
			return err
		}
		if line := progressLine(&task); line != last {
			fmt.Fprintf(os.Stderr, "Task %d: %s\n", id, line)
			last = line
		}
		if enough(&task) {
			return nil
		}
		if !warned && task.Phase == 0 && task.Progress.Doing == "" && time.Since(begun) > 15*time.Second {
			warned = true
			fmt.Fprintf(os.Stderr, "Task %d: no process has begun it. One that serves with the role pipeline does; it is not lost meanwhile.\n", id)
		}
		select {
		case <-ctx.Done():
			fmt.Fprintf(os.Stderr, "Task %d: goes on without this command.\n", id)
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func progressLine(task *control.Task) string {
	p := task.Progress
	text := p.Doing
	switch {
	case task.Finished:
		text = "done"
	case text == "":
		return "waits"
	case p.Parts > 0:
		text = fmt.Sprintf("%s, %d of %d parts", text, p.Done(), p.Parts)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Counts)) {
		text += fmt.Sprintf(", %d %s", p.Counts[name], name)
	}
	return text + "."
}
