package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"sourceloop/deploy/embedded/embeddedtest"
	"sourceloop/pipeline/collect"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// morgue is a Kafka with dead letters.
type morgue struct {
	t    *testing.T
	addr string
	log  *stream.Log
}

func newMorgue(t *testing.T) *morgue {
	t.Helper()
	m := &morgue{t: t, addr: embeddedtest.Kafka(t)}
	l, err := stream.OpenLog(t.Context(), stream.Config{Brokers: []string{m.addr}, Log: quiet(), Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	m.log = l
	return m
}

func (m *morgue) lay(letters ...*schema.DeadRecord) {
	m.t.Helper()
	if err := m.log.AppendDead(m.t.Context(), letters); err != nil {
		m.t.Fatal(err)
	}
}

func (m *morgue) letters() []*deadLetter {
	m.t.Helper()
	all, err := readLetters(m.t.Context(), m.log, quiet())
	if err != nil {
		m.t.Fatal(err)
	}
	return all
}

// replay runs the command and returns what it says.
func (m *morgue) replay(c deadReplayCommand) string {
	m.t.Helper()
	chosen, err := c.choose(m.letters())
	if err != nil {
		m.t.Fatal(err)
	}
	var out bytes.Buffer
	if err := c.replay(m.t.Context(), m.log, chosen, &out); err != nil {
		m.t.Fatal(err)
	}
	return out.String()
}

// records are those of the topics hits and webhooks, as topic, key and value.
func (m *morgue) records(n int) []string {
	m.t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(m.addr), kgo.ConsumeTopics(schema.TopicHits, schema.TopicWebhooks),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		m.t.Fatal(err)
	}
	defer c.Close()
	var all []string
	for len(all) < n {
		fetches := c.PollFetches(m.t.Context())
		if err := fetches.Err(); err != nil {
			m.t.Fatal(err)
		}
		for r := range fetches.RecordsAll() {
			all = append(all, r.Topic+" "+string(r.Key)+" "+string(r.Value))
		}
	}
	return all
}

func wire(t *testing.T, m proto.Message) []byte {
	t.Helper()
	value, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// letterOf is a dead letter of a record at an offset.
func letterOf(topic string, offset int64, key string, value []byte, stage, reason string) *schema.DeadRecord {
	r := &stream.Record{Topic: topic, Partition: 3, Offset: offset, Key: []byte(key), Value: value}
	return stream.DeadLetter(r, stage, reason, "", schema.MillisOf(time.Date(2026, 11, 24, 8, int(offset), 0, 0, time.UTC)))
}

func someLetters(t *testing.T) (hit, webhook, refused, killer *schema.DeadRecord) {
	t.Helper()
	hit = letterOf(schema.TopicHits, 1, "7/ann", wire(t, &schema.HitRecord{Body: &schema.HitRecord_Hit{Hit: &schema.Hit{
		Id: make([]byte, 16), Workspace: 7, Visitor: "ann", Title: "turned \u202e text\x1b[2J",
	}}}), "sessionize", schema.DeadUnknownWorkspace)
	webhook = letterOf(schema.TopicWebhooks, 2, "intercom/abc", wire(t, &schema.WebhookRecord{Provider: "intercom", App: "abc", Body: []byte(`{"topic":"new"}`)}), "resolve", schema.DeadUnknownTopic)
	webhook.Partition, webhook.Offset = -1, -1
	refused = letterOf(schema.TopicHits, 3, "7/", []byte("{\"title\":\"\xff\"}"), collect.Stage, schema.DeadBadText)
	refused.Partition, refused.Offset = -1, -1
	killer = letterOf(schema.TopicHits, 4, "7/bob", []byte("killer"), "sessionize", schema.DeadKilled)
	return hit, webhook, refused, killer
}

func TestDeadLettersAreListedOnceAndWithoutWhatTheyHold(t *testing.T) {
	m := newMorgue(t)
	hit, webhook, refused, killer := someLetters(t)
	m.lay(hit, webhook, hit, refused, killer)
	var table, lines bytes.Buffer
	if err := listTable(&table, m.letters()); err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"hits/3/1", "webhooks", "unknown_workspace", "2026-11-24 08:01:00", "1 killed: The process died"} {
		if !strings.Contains(table.String(), word) {
			t.Errorf("the list does not say %q:\n%s", word, &table)
		}
	}
	if strings.Contains(table.String(), "ann") || strings.Contains(table.String(), "bob") {
		t.Errorf("the list tells of people:\n%s", &table)
	}
	if err := listJSON(&lines, m.letters()); err != nil {
		t.Fatal(err)
	}
	decoder, n := json.NewDecoder(&lines), 0
	for ; decoder.More(); n++ {
		var d deadLetter
		if err := decoder.Decode(&d); err != nil {
			t.Fatal(err)
		}
		if n == 0 && (d.ID.String() == "" || d.Bytes != len(hit.GetValue()) || d.Replayed != nil) {
			t.Errorf("got %+v", d)
		}
	}
	if n != 4 {
		t.Errorf("%d letters, want 4", n)
	}
}

func TestDeadLettersAreFiltered(t *testing.T) {
	m := newMorgue(t)
	hit, webhook, refused, killer := someLetters(t)
	m.lay(hit, webhook, refused, killer)
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		filter deadFilter
		want   int
	}{
		{deadFilter{}, 4}, {deadFilter{Stage: "sessionize"}, 2}, {deadFilter{Reason: schema.DeadKilled}, 1},
		{deadFilter{Stage: "resolve", Reason: schema.DeadKilled}, 0}, {deadFilter{Since: "57m30s"}, 2},
		{deadFilter{Since: "2026-11-25"}, 0}, {deadFilter{Since: "2026-11-24T08:02:00Z"}, 3},
	} {
		matches, err := test.filter.matcher(now)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, d := range m.letters() {
			if matches(d) {
				n++
			}
		}
		if n != test.want {
			t.Errorf("%+v chooses %d, want %d", test.filter, n, test.want)
		}
	}
	for _, wrong := range []deadFilter{{Reason: "boredom"}, {Since: "yesterday"}} {
		if _, err := wrong.matcher(now); schema.KindOf(err) != schema.KindInvalid {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
}

func TestADeadLetterIsShownInWordsThatATerminalDoesNotObey(t *testing.T) {
	m := newMorgue(t)
	hit, webhook, refused, killer := someLetters(t)
	m.lay(hit, webhook, refused, killer)
	for _, test := range []struct {
		letter *schema.DeadRecord
		words  []string
	}{
		{hit, []string{`"visitor":`, "ann", `turned \u{202e} text`, "unknown_workspace: A hit belongs"}},
		{webhook, []string{`"app":`, `body: {"topic":"new"}`}},
		{refused, []string{"3a 22 ff 22", "not possible: it was refused at the front door"}},
		{killer, []string{"\nkiller\n", `"7/bob"`}},
	} {
		found, err := find(m.letters(), []string{schema.ID(test.letter.GetId()).String()[:8]})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := showLetter(&out, found[0], test.letter); err != nil {
			t.Fatal(err)
		}
		for _, word := range test.words {
			if !strings.Contains(out.String(), word) {
				t.Errorf("it does not say %q:\n%s", word, &out)
			}
		}
		if strings.ContainsAny(out.String(), "\x1b\u202e") {
			t.Errorf("a terminal would obey:\n%q", &out)
		}
	}
	if _, err := find(m.letters(), []string{"0000000000"}); schema.KindOf(err) != schema.KindUnknown {
		t.Errorf("got %v", err)
	}
}

// TestDeadLettersAreReplayed: their bytes come back into their topics under
// their keys, and the list tells.
func TestDeadLettersAreReplayed(t *testing.T) {
	m := newMorgue(t)
	hit, webhook, refused, killer := someLetters(t)
	m.lay(hit, webhook, refused, killer)
	said := m.replay(deadReplayCommand{All: true, DryRun: true})
	if !strings.Contains(said, "would be put back into hits") || !strings.Contains(said, "2 of 3 dead letters, 1 left") {
		t.Errorf("the rehearsal said\n%s", said)
	}
	for _, d := range m.letters() {
		if d.Replayed != nil {
			t.Error("the rehearsal left a mark")
		}
	}
	said = m.replay(deadReplayCommand{All: true})
	if !strings.Contains(said, "left: it was refused at the front door") || !strings.Contains(said, "2 of 3 dead letters, 1 left") {
		t.Errorf("it said\n%s", said)
	}
	if said = m.replay(deadReplayCommand{All: true}); !strings.Contains(said, "0 of 1 dead letters, 1 left") {
		t.Errorf("the second time it said\n%s", said)
	}
	if said = m.replay(deadReplayCommand{ID: []string{schema.ID(killer.GetId()).String()}}); !strings.Contains(said, "it ended the process three times") {
		t.Errorf("of the killer it said\n%s", said)
	}
	got := strings.Join(m.records(3), "\n")
	for _, d := range []*schema.DeadRecord{hit, webhook, killer} {
		if want := d.GetTopic() + " " + string(d.GetKey()) + " " + string(d.GetValue()); strings.Count(got, want) != 1 {
			t.Errorf("%q is not once in\n%q", want, got)
		}
	}
	for _, d := range m.letters() {
		if (d.Replayed == nil) != (d.Stage == collect.Stage) {
			t.Errorf("%s of %s was replayed at %v", d.Reason, d.Stage, d.Replayed)
		}
	}
}
