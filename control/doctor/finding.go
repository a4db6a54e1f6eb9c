package doctor

import (
	"fmt"
	"strings"
	"time"

	"sourceloop/schema"
)

// State is how a step stands.
type State string

// The states.
const (
	OK      State = "ok"
	Warning State = "warning"
	Failed  State = "failed"
	Unknown State = "unknown"
)

// Finding is what was found about one step.
type Finding struct {
	Step  string // its name for programs
	Name  string
	State State
	Text  string        // what was found
	Means string        // what follows from it
	Fix   string        // what to do; "" when there is nothing
	AsOf  schema.Millis // since when it is known to be so; 0 when nothing was found
}

// Report is the whole answer.
type Report struct {
	At       schema.Millis
	Cause    string // the step that is to be mended first; "" when nothing is in the way
	Headline string
	Findings []Finding
}

// Decide makes the findings, in the order in which they are to be mended.
func Decide(f *Facts) Report {
	r := Report{At: f.Now}
	for _, s := range steps(f) {
		found := s.look(f)
		found.Step, found.Name = s.id, s.name
		r.Findings = append(r.Findings, found)
	}
	r.conclude()
	return r
}

// step is one between a page and a contact.
type step struct {
	id, name string
	look     func(*Facts) Finding
}

// steps are those of the provider.
func steps(f *Facts) []step {
	if f.ofHubSpot() {
		return hubspotSteps()
	}
	return []step{
		{"token", "Access to " + f.Provider, token},
		{"clock", "Clock", clock},
		{"routing", "Routing", routing},
		{"tracker", "Tracker on the pages", tracker},
		{"key", "Site key", key},
		{"consent", "Consent", consent},
		{"messenger", "Messenger on the tracker's pages", messenger},
		{"attribute", "Attribute sourceloop_id", attribute},
		{"identity", "Identity verification", identity},
		{"tied", "The id on contacts", tied},
		{"signature", "Signature of webhooks", signature},
		{"webhooks", "Webhooks arrive", webhooks},
		{"topics", "Topics of webhooks", topics},
		{"plan", f.Provider + "'s plan", plan},
		{"contacts", "Chats become contacts", contacts},
	}
}

// conclude names the first failure, else the first warning.
func (r *Report) conclude() {
	for _, state := range []State{Failed, Warning} {
		for _, f := range r.Findings {
			if f.State == state {
				r.Cause, r.Headline = f.Step, strings.TrimSpace(f.Text+" "+f.Means)
				return
			}
		}
	}
	r.Headline = "Nothing is in the way of a chat, as far as can be told."
}

func ok(at schema.Millis, format string, args ...any) Finding {
	return Finding{State: OK, Text: fmt.Sprintf(format, args...), AsOf: at}
}

func unknown(text, fix string) Finding { return Finding{State: Unknown, Text: text, Fix: fix} }

// ago says how long something is past.
func (f *Facts) ago(at schema.Millis) string {
	d := f.Now.Sub(at)
	for _, u := range []struct {
		name string
		long time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}} {
		if n := int(d / u.long); n == 1 {
			return "1 " + u.name + " ago"
		} else if n > 1 {
			return fmt.Sprintf("%d %ss ago", n, u.name)
		}
	}
	return "just now"
}

// list writes names as a person does; at most five.
func list(names []string) string {
	if len(names) > 5 {
		names = append(append([]string{}, names[:5]...), fmt.Sprintf("%d more", len(names)-5))
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
