package resolve_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"sourceloop/pipeline/identity"
	"sourceloop/pipeline/resolve"
	"sourceloop/schema"
)

var update = flag.Bool("update", false, "write what resolving the golden webhooks gives")

const (
	workspace  = 7
	connection = 70
	received   = schema.Millis(1772452999123)
)

// vendor answers Intercom's API from testdata/api, as a server on loopback.
type vendor struct {
	*httptest.Server
	asked  []string
	refuse func(w http.ResponseWriter, r *http.Request) bool // true: it answered
}

func newVendor(t testing.TB) *vendor {
	t.Helper()
	v := &vendor{}
	mux := http.NewServeMux()
	merged := func(id, into string, status int) {
		mux.HandleFunc("GET /contacts/"+id, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", `</contacts/`+into+`>; rel="canonical"`)
			http.Error(w, `{"type":"error.list","errors":[{"code":"contact_merged"}]}`, status)
		})
	}
	// The documents say 410, and in one place 404.
	merged("6a1f00000000000000000003", "6a1f00000000000000000002", http.StatusGone)
	merged("6a1f00000000000000000005", "6a1f00000000000000000003", http.StatusNotFound)
	merged("6a1f00000000000000000007", "6a1f00000000000000000005", http.StatusGone)
	file := func(folder string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, err := os.ReadFile(filepath.Join("testdata", "api", folder, filepath.Base(r.PathValue("id"))+".json"))
			if err != nil {
				http.Error(w, `{"type":"error.list","errors":[{"code":"not_found"}]}`, http.StatusNotFound)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(body)
		}
	}
	mux.HandleFunc("GET /contacts/{id}", file("contacts"))
	mux.HandleFunc("GET /conversations/{id}", file("conversations"))
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"type":"admin"}`)) })
	v.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v.asked = append(v.asked, r.URL.RequestURI())
		if r.Header.Get("Authorization") != "Bearer "+theToken || r.Header.Get("Intercom-Version") != "2.16" {
			http.Error(w, "", http.StatusUnauthorized)
			return
		}
		if v.refuse == nil || !v.refuse(w, r) {
			mux.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(v.Close)
	return v
}

const theToken = "the plain token"

// Access opens the vendor for the one connection there is.
func (v *vendor) Access(_ context.Context, id int64) (string, string, error) {
	if id != connection {
		return "", "", schema.E("open", schema.KindUnknown, "There is no such connection.")
	}
	return v.URL, theToken, nil
}

// desk is a resolver before a vendor, and what it said about the connection.
type desk struct {
	*resolve.Intercom
	failed []string
	seen   []schema.Millis
	now    time.Time
}

func newDesk(t testing.TB, access resolve.Access, edit func(*resolve.IntercomConfig)) *desk {
	t.Helper()
	d := &desk{now: received.Time()}
	config := resolve.IntercomConfig{
		Access: access, Identity: identity.Rules{},
		Failed: func(_ context.Context, _ int64, words string) error {
			d.failed = append(d.failed, words)
			return nil
		},
		Seen: func(_ context.Context, _ int64, at schema.Millis) error {
			d.seen = append(d.seen, at)
			return nil
		},
		CleanURL: func(address string) string { return address },
		Now:      func() time.Time { return d.now },
	}
	if edit != nil {
		edit(&config)
	}
	var err error
	if d.Intercom, err = resolve.NewIntercom(config); err != nil {
		t.Fatal(err)
	}
	return d
}

func record(t testing.TB, name string) *schema.WebhookRecord {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", "webhooks", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return &schema.WebhookRecord{
		Provider: "intercom", App: "tea1", Workspace: workspace, Connection: connection, Received: int64(received), Body: body,
	}
}

// TestGolden resolves every webhook of testdata/webhooks and compares what it
// gives with the text beside it.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/webhooks/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no golden webhooks", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			v := newVendor(t)
			if strings.HasSuffix(name, ", by itself") { // The plan refuses the question.
				v.refuse = func(w http.ResponseWriter, _ *http.Request) bool {
					http.Error(w, `{"type":"error.list","errors":[{"code":"api_plan_restricted"}]}`, http.StatusForbidden)
					return true
				}
			}
			d := newDesk(t, v, nil)
			first, err := d.Resolve(t.Context(), record(t, name))
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(v.asked, "\n") + "\n" + render(t, first)
			wantFile := strings.TrimSuffix(file, ".json") + ".txt"
			if *update {
				if err = os.WriteFile(wantFile, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(wantFile)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("resolving gave\n%s\nwant\n%s", got, want)
			}
			again, err := d.Resolve(t.Context(), record(t, name))
			if err != nil || !same(first, again) {
				t.Errorf("the second time it gave\n%s", render(t, again))
			}
			if name == "uninstalled" {
				return // It is no webhook of the card's.
			}
			if len(d.seen) != 2 || d.seen[0] != received {
				t.Errorf("the card was told %v", d.seen)
			}
		})
	}
}

func same(a, b *resolve.Result) bool {
	if a.Outcome != b.Outcome || len(a.Evidence) != len(b.Evidence) {
		return false
	}
	for i := range a.Evidence {
		if !proto.Equal(a.Evidence[i], b.Evidence[i]) {
			return false
		}
	}
	return true
}

// render writes a result as a person would.
func render(t testing.TB, r *resolve.Result) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s)\n", r.Outcome, r.Topic)
	for _, refusal := range r.Refused {
		fmt.Fprintf(&b, "refused %s\n", refusal.Field)
	}
	for _, e := range r.Evidence {
		for _, c := range e.Claims {
			word := "asserted"
			if c.Verified {
				word = "verified"
			}
			fmt.Fprintf(&b, "%s %s\n  at %s, by %s, on %q, name %q\n", word, strings.Join(c.Nodes, " = "), stamp(c.At), c.Method, c.Evidence, c.Name)
		}
		if f := e.Conversion; f != nil {
			id, err := schema.IDFromBytes(f.Id)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s %s of %s, visitor %q\n  at %s, updated %s, %s\n  %s\n  on %s\n  %q\n",
				f.Name, id, f.Node, f.Visitor, stamp(f.At), stamp(f.Updated), f.State, f.Url, f.Page, f.Message)
		}
	}
	return b.String()
}

func stamp(at int64) string { return schema.Millis(at).Time().Format("2006-01-02 15:04:05.000") }

// TestGoldenTopics: there is a golden webhook for every topic that is taken.
func TestGoldenTopics(t *testing.T) {
	var missing []string
	for _, topic := range []string{
		"contact.lead.created", "contact.lead.added_email", "contact.lead.signed_up", "contact.lead.updated", "contact.email.updated",
		"contact.user.created", "contact.user.updated", "contact.merged", "contact.deleted", "contact.archived", "visitor.signed_up",
		"conversation.user.created", "conversation.user.replied", "conversation.contact.attached", "conversation.deleted", "ping",
		// Of apps on 1.x.
		"user.created", "user.email.updated", "user.deleted", "contact.created", "contact.added_email", "contact.signed_up",
	} {
		if _, err := os.Stat(filepath.Join("testdata", "webhooks", topic+".json")); err != nil {
			missing = append(missing, topic)
			continue
		}
		result, err := newDesk(t, newVendor(t), nil).Resolve(t.Context(), record(t, topic))
		if err != nil || result.Outcome == resolve.Aside || result.Topic != topic {
			t.Errorf("%s: %v, %v", topic, result, err)
		}
	}
	sort.Strings(missing)
	if len(missing) > 0 {
		t.Error("no golden webhook for", missing)
	}
}

// later wants an ErrLater and returns it.
func later(t *testing.T, err error) *resolve.ErrLater {
	t.Helper()
	var e *resolve.ErrLater
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want ErrLater", err)
	}
	if e.After <= 0 || e.Reason == "" || e.Error() == "" {
		t.Fatalf("got %+v", e)
	}
	return e
}
