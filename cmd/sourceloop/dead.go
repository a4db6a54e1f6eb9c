package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sourceloop/pipeline/collect"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// deadCommand is for the operator, about records that were set aside.
type deadCommand struct {
	List   deadListCommand   `cmd:"" help:"List what was set aside."`
	Show   deadShowCommand   `cmd:"" help:"Show one dead letter whole, personal data included."`
	Replay deadReplayCommand `cmd:"" help:"Put dead letters back into their topics; those processed before change nothing."`
}

// deadLog says where the dead letters are.
type deadLog struct {
	Data  string   `help:"Data folder of serve, when its Kafka is embedded." default:"data" env:"SOURCELOOP_DATA" type:"path"`
	Kafka []string `help:"Addresses of Kafka brokers; those of the data folder when empty." env:"SOURCELOOP_KAFKA" placeholder:"HOST:PORT"`
}

// open reaches Kafka. Close both results, the log first.
func (d *deadLog) open(ctx context.Context, log *slog.Logger) (*stream.Log, *engines, error) {
	e, err := reachEngines(ctx, needKafka, engineFlags{Kafka: d.Kafka}, d.Data, log)
	if err != nil {
		return nil, nil, err
	}
	l, err := stream.OpenLog(ctx, stream.Config{
		Brokers: e.kafka, TopicConfigs: e.topicConfigs, Log: log, Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		return nil, nil, errors.Join(err, e.Close())
	}
	return l, e, nil
}

// with runs a command on the dead letters.
func (d *deadLog) with(ctx context.Context, log *slog.Logger, run func(*stream.Log) error) error {
	l, e, err := d.open(ctx, log)
	if err != nil {
		return err
	}
	err = run(l)
	l.Close()
	return errors.Join(err, e.Close())
}

// deadFilter chooses dead letters.
type deadFilter struct {
	Stage  string `help:"Only of this stage: collect, sessionize, resolve, stitch." placeholder:"STAGE"`
	Reason string `help:"Only with this reason." placeholder:"REASON"`
	Since  string `help:"Only set aside since then: a while such as 72h, or a day such as 2026-11-24, UTC." placeholder:"TIME"`
}

// matcher makes a function of the filter, which refuses what cannot match.
func (f *deadFilter) matcher(now time.Time) (func(*deadLetter) bool, error) {
	known := slices.ContainsFunc(schema.DeadReasons(), func(r schema.DeadReason) bool { return r.Name == f.Reason })
	if f.Reason != "" && !known {
		var names []string
		for _, r := range schema.DeadReasons() {
			names = append(names, r.Name)
		}
		return nil, schema.E("dead", schema.KindInvalid, "There is no reason %q. The reasons are %s.", f.Reason, strings.Join(names, ", "))
	}
	since, err := parseSince(f.Since, now)
	if err != nil {
		return nil, err
	}
	return func(d *deadLetter) bool {
		return (f.Stage == "" || d.Stage == f.Stage) && (f.Reason == "" || d.Reason == f.Reason) && !d.At.Before(since)
	}, nil
}

func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if while, err := time.ParseDuration(text); err == nil {
		return now.Add(-while), nil
	}
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(form, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, schema.E("dead", schema.KindInvalid,
		"%q is no time. Write a while such as 72h, a day such as 2026-11-24, or a moment such as 2026-11-24T08:00:00Z.", text)
}

// deadLetter is what is listed of a dead letter: nothing personal.
type deadLetter struct {
	ID        schema.ID  `json:"id"`
	At        time.Time  `json:"at"`
	Stage     string     `json:"stage"`
	Reason    string     `json:"reason"`
	Topic     string     `json:"topic"`
	Partition int32      `json:"partition"` // -1 when it never was a record there
	Offset    int64      `json:"offset"`
	Bytes     int        `json:"bytes"`
	Replayed  *time.Time `json:"replayed,omitempty"`
}

// readLetters reads all dead letters, each once, the oldest first.
func readLetters(ctx context.Context, l *stream.Log, log *slog.Logger) ([]*deadLetter, error) {
	byID := make(map[schema.ID]*deadLetter)
	var all []*deadLetter
	unreadable, err := l.ReadDead(ctx, func(d *schema.DeadRecord) error {
		id, err := schema.IDFromBytes(d.GetId())
		if err != nil {
			return nil //nolint:nilerr // Without an id nobody can name it; no version wrote such a one.
		}
		at := schema.Millis(d.GetAt()).Time()
		known := byID[id]
		switch {
		case d.GetReason() == schema.DeadReplayed:
			if known != nil {
				known.Replayed = &at
			}
		case known == nil:
			known = &deadLetter{
				ID: id, At: at, Stage: d.GetStage(), Reason: d.GetReason(), Topic: d.GetTopic(), Partition: d.GetPartition(),
				Offset: d.GetOffset(), Bytes: len(d.GetValue()),
			}
			byID[id] = known
			all = append(all, known)
		}
		return nil
	})
	if unreadable > 0 {
		log.Warn("records among the dead letters are none; a newer version may have written them", "records", unreadable)
	}
	return all, err
}

// find finds the letters that ids, or their first eight characters or more, name.
func find(all []*deadLetter, names []string) ([]*deadLetter, error) {
	var found []*deadLetter
	for _, name := range names {
		var named []*deadLetter
		for _, d := range all {
			if len(name) >= 8 && strings.HasPrefix(d.ID.String(), strings.ToLower(name)) {
				named = append(named, d)
			}
		}
		switch len(named) {
		case 0:
			return nil, schema.E("dead", schema.KindUnknown,
				"There is no dead letter %q. \"dead list\" shows their ids; what was set aside is kept for %d days.", name, int(schema.Kept.Hours())/24)
		case 1:
			found = append(found, named[0])
		default:
			return nil, schema.E("dead", schema.KindInvalid, "%q begins %d ids. Write more of it.", name, len(named))
		}
	}
	return found, nil
}

// bodies hands over the letters with these ids whole.
func bodies(ctx context.Context, l *stream.Log, wanted map[schema.ID]bool, each func(schema.ID, *schema.DeadRecord) error) error {
	_, err := l.ReadDead(ctx, func(d *schema.DeadRecord) error {
		id, err := schema.IDFromBytes(d.GetId())
		if err != nil || !wanted[id] || d.GetReason() == schema.DeadReplayed {
			return nil //nolint:nilerr // As readLetters.
		}
		delete(wanted, id)
		return each(id, d)
	})
	return err
}

// whyNotReplayed tells why a letter cannot be put back, or nothing.
func whyNotReplayed(stage string) string {
	if stage != collect.Stage {
		return ""
	}
	return "it was refused at the front door and never was a record; what would send it there again is a corrected hit or " +
		"webhook with the same id, and \"dead show\" tells what was sent"
}

type deadReplayCommand struct {
	deadLog
	deadFilter
	ID     []string `arg:"" optional:"" help:"Ids, or their first eight characters or more."`
	All    bool     `help:"All that the filters choose and that were not replayed yet. Those that killed a process only when asked for by --reason."`
	DryRun bool     `help:"Say what would be done, and do nothing."`
}

// Run puts letters back and says of each what was done.
func (c *deadReplayCommand) Run(ctx context.Context, log *slog.Logger) error {
	if c.All == (len(c.ID) > 0) {
		return schema.E("dead", schema.KindInvalid, "Name dead letters by their ids, or say --all, with or without filters; not both.")
	}
	return c.with(ctx, log, func(l *stream.Log) error {
		all, err := readLetters(ctx, l, log)
		if err != nil {
			return err
		}
		chosen, err := c.choose(all)
		if err != nil {
			return err
		}
		return c.replay(ctx, l, chosen, os.Stdout)
	})
}

func (c *deadReplayCommand) choose(all []*deadLetter) ([]*deadLetter, error) {
	if !c.All {
		return find(all, c.ID)
	}
	matches, err := c.matcher(time.Now())
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(d *deadLetter) bool {
		return !matches(d) || d.Replayed != nil || d.Reason == schema.DeadKilled && c.Reason == ""
	}), nil
}

func (c *deadReplayCommand) replay(ctx context.Context, l *stream.Log, chosen []*deadLetter, out io.Writer) error {
	left := 0
	wanted := make(map[schema.ID]bool)
	byID := make(map[schema.ID]*deadLetter)
	for _, d := range chosen {
		if why := whyNotReplayed(d.Stage); why != "" {
			left++
			fmt.Fprintf(out, "%s  left: %s\n", d.ID, why)
			continue
		}
		wanted[d.ID], byID[d.ID] = true, d
	}
	n := len(wanted)
	err := bodies(ctx, l, wanted, func(id schema.ID, letter *schema.DeadRecord) error {
		word := "would be put back"
		if !c.DryRun {
			word = "put back"
			if err := l.Replay(ctx, letter, schema.MillisOf(time.Now())); err != nil {
				return err
			}
		}
		_, err := fmt.Fprintf(out, "%s  %s into %s, %d bytes%s\n", id, word, letter.GetTopic(), len(letter.GetValue()), byID[id].warning())
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d of %d dead letters, %d left\n", n, len(chosen), left)
	if left > 0 && !c.All {
		return fmt.Errorf("cannot replay %d of %d dead letters", left, len(chosen))
	}
	return nil
}

// warning says what to mind about a replay.
func (d *deadLetter) warning() string {
	switch {
	case d.Reason == schema.DeadKilled:
		return "; it ended the process three times, and will again unless that was mended"
	case d.Reason == schema.DeadPanic:
		return "; it made its worker panic, and will be set aside again unless that was mended"
	case d.Replayed != nil:
		return "; it was replayed before"
	}
	return ""
}
