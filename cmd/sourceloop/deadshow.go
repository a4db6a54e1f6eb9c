package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"sourceloop/pipeline/collect"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

type deadListCommand struct {
	deadLog
	deadFilter
	JSON bool `name:"json" help:"One JSON object a line."`
}

// Run lists dead letters, without anything personal.
func (c *deadListCommand) Run(ctx context.Context, log *slog.Logger) error {
	matches, err := c.matcher(time.Now())
	if err != nil {
		return err
	}
	return c.with(ctx, log, func(l *stream.Log) error {
		all, err := readLetters(ctx, l, log)
		if err != nil {
			return err
		}
		var chosen []*deadLetter
		for _, d := range all {
			if matches(d) {
				chosen = append(chosen, d)
			}
		}
		if c.JSON {
			return listJSON(os.Stdout, chosen)
		}
		return listTable(os.Stdout, chosen)
	})
}

func listJSON(out io.Writer, letters []*deadLetter) error {
	lines := json.NewEncoder(out)
	for _, d := range letters {
		if err := lines.Encode(d); err != nil {
			return fmt.Errorf("cannot write the list: %w", err)
		}
	}
	return nil
}

func listTable(out io.Writer, letters []*deadLetter) error {
	if len(letters) == 0 {
		fmt.Fprintln(out, "There are no such dead letters.")
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tSET ASIDE (UTC)\tSTAGE\tREASON\tWHERE\tBYTES\tREPLAYED (UTC)")
	counts := make(map[string]int)
	for _, d := range letters {
		counts[d.Reason]++
		replayed := "-"
		if d.Replayed != nil {
			replayed = d.Replayed.UTC().Format(time.DateTime)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", d.ID, d.At.UTC().Format(time.DateTime), visible(d.Stage), visible(d.Reason), d.where(), d.Bytes, replayed)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("cannot write the list: %w", err)
	}
	fmt.Fprintln(out)
	for _, r := range schema.DeadReasons() {
		if counts[r.Name] > 0 {
			fmt.Fprintf(out, "%d %s: %s\n", counts[r.Name], r.Name, r.Meaning)
		}
	}
	return nil
}

// where is the record's position, as far as it had one.
func (d *deadLetter) where() string {
	if d.Partition < 0 {
		return visible(d.Topic)
	}
	return fmt.Sprintf("%s/%d/%d", visible(d.Topic), d.Partition, d.Offset)
}

type deadShowCommand struct {
	deadLog
	ID  string `arg:"" help:"Id, or its first eight characters or more."`
	Raw bool   `help:"Only the original bytes."`
}

// Run shows a letter whole, on stdout and nowhere else.
func (c *deadShowCommand) Run(ctx context.Context, log *slog.Logger) error {
	return c.with(ctx, log, func(l *stream.Log) error {
		all, err := readLetters(ctx, l, log)
		if err != nil {
			return err
		}
		found, err := find(all, []string{c.ID})
		if err != nil {
			return err
		}
		return bodies(ctx, l, map[schema.ID]bool{found[0].ID: true}, func(_ schema.ID, letter *schema.DeadRecord) error {
			if c.Raw {
				_, err := os.Stdout.Write(letter.GetValue())
				return err
			}
			return showLetter(os.Stdout, found[0], letter)
		})
	})
}

func showLetter(out io.Writer, d *deadLetter, letter *schema.DeadRecord) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, value string) { fmt.Fprintf(table, "%s\t%s\n", name, value) }
	row("id", d.ID.String())
	row("set aside", d.At.UTC().Format(time.RFC3339Nano))
	row("stage", visible(d.Stage))
	row("reason", visible(d.Reason)+meaning(d.Reason))
	if letter.GetDetail() != "" {
		row("detail", visible(letter.GetDetail()))
	}
	row("where", d.where())
	row("key", strconv.QuoteToASCII(string(letter.GetKey())))
	if d.Replayed != nil {
		row("replayed", d.Replayed.UTC().Format(time.RFC3339Nano))
	}
	if why := whyNotReplayed(d.Stage); why != "" {
		row("replay", "not possible: "+why)
	}
	row("bytes", strconv.Itoa(d.Bytes))
	if err := table.Flush(); err != nil {
		return fmt.Errorf("cannot write the dead letter: %w", err)
	}
	fmt.Fprintf(out, "\n%s\n", readable(letter))
	return nil
}

func meaning(reason string) string {
	for _, r := range schema.DeadReasons() {
		if r.Name == reason {
			return ": " + r.Meaning
		}
	}
	return ""
}

// readable is a letter's value as the message it is, as text, or else as bytes.
func readable(letter *schema.DeadRecord) string {
	value := letter.GetValue()
	if text, ok := decoded(letter); ok {
		return text
	}
	if utf8.Valid(value) {
		return visible(string(value))
	}
	return strings.TrimSuffix(hex.Dump(value), "\n")
}

// decoded tells a record of its topic as JSON, and the body of a webhook, which
// is JSON in it, apart.
func decoded(letter *schema.DeadRecord) (string, bool) {
	message, ok := map[string]proto.Message{
		schema.TopicHits: &schema.HitRecord{}, schema.TopicWebhooks: &schema.WebhookRecord{}, schema.TopicLeads: &schema.LeadRecord{},
	}[letter.GetTopic()]
	if !ok || letter.GetStage() == collect.Stage || proto.Unmarshal(letter.GetValue(), message) != nil {
		return "", false
	}
	body := ""
	if webhook, ok := message.(*schema.WebhookRecord); ok && utf8.Valid(webhook.GetBody()) {
		body = "\nbody: " + visible(string(webhook.GetBody()))
		webhook.Body = nil
	}
	text, err := protojson.MarshalOptions{Multiline: true}.Marshal(message)
	if err != nil {
		return "", false
	}
	return visible(string(text)) + body, true
}

// visible writes what a terminal might obey, or not show, as its number.
func visible(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r == '\n' || r == '\t' || unicode.IsGraphic(r) {
			b.WriteRune(r)
			continue
		}
		fmt.Fprintf(&b, `\u{%x}`, r)
	}
	return b.String()
}
