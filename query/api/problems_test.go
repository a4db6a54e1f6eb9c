package api_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"sourceloop/control"
	"sourceloop/control/connect"
	"sourceloop/control/controltest"
	"sourceloop/control/outbound"
	"sourceloop/pipeline/enrich"
	"sourceloop/pipeline/identity"
	"sourceloop/query/api"
	"sourceloop/query/report"
	"sourceloop/schema"
	sink "sourceloop/sinks/clickhouse"
)

func reader(text string) io.Reader { return strings.NewReader(text) }

// hit writes a hit of Ann's site that arrived today.
func (w *world) hit(clock string) {
	w.t.Helper()
	moment := at("20", clock)
	id := schema.NewHitID(moment, [10]byte{1})
	err := w.sink.Write(w.t.Context(), &sink.Batch{Hits: []*schema.Hit{{
		Id: id[:], Workspace: w.ann.Workspace, Visitor: "v", At: int64(moment), Received: int64(moment),
		Type: schema.HitType_HIT_TYPE_PAGEVIEW, Url: "https://a.example/",
	}}})
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestParametersThatAreRefused(t *testing.T) {
	w := newWorld(t)
	c := w.keyed(w.ann, control.Viewer)
	for _, test := range []struct {
		path string
		says []string
	}{
		{"/contacts?limit=-1", []string{"The parameter limit", "at least 1"}},
		{"/contacts?limit=201", []string{"The parameter limit", "200"}},
		{"/contacts?limit=many", []string{"The parameter limit"}},
		{"/contacts?limit=1&limit=2", []string{"A parameter or the body"}},
		{"/contacts?cursor=forged", []string{"cursor", "first page"}},
		{"/contacts?from=yesterday", []string{"The parameter from is no day", "Write it as 2026-11-23."}},
		{"/contacts?from=2026-09-05&to=2026-09-01", []string{"Exchange"}},
		{"/contacts?touch=middle", []string{"first, last"}},
		{"/contacts?filter=shoe:is:9", []string{"shoe", "landing_page"}},
		{"/contacts?filter=source", []string{"The parameter filter"}},
		{"/attribution?dimension=shoe", []string{`\"shoe\"`, "channel, source, medium, campaign, content, term, landing_page, referrer, device, country, browser"}},
		{"/attribution?model=luck", []string{"luck", "last_touch, first_touch"}},
		{"/attribution?model=markov&dimension=device", []string{"markov", "device", "channel, source or campaign"}},
		{"/attribution?dimension=source&second_dimension=source", []string{"second dimension", "source"}},
		{"/attribution?exclude=source", []string{"The parameter exclude"}},
		{"/attribution?compare=custom", []string{"compare_from and compare_to"}},
		{"/attribution/changes?model=shapley", []string{"as_of"}},
		{"/conversions/6ba2b18c-0c3e-8f4e-9c27-2f0f5c1c7a10/credits?model=markov&from=2026-11-01&to=2026-11-02", []string{"markov", "dimension, from and to"}},
		{"/conversions/6ba2b18c-0c3e-8f4e-9c27-2f0f5c1c7a10/credits?compare_model=shapley&dimension=source&from=2026-11-01", []string{"shapley", "dimension, from and to"}},
		{"/attribution?lookback=0", []string{"The parameter lookback is not written as it must be", "days"}},
		{"/attribution?lookback=5", []string{"1, 7, 14, 30, 60, 90, 180"}},
		{"/attribution?from=2026-02-30", []string{"from"}},
		{"/traffic?compare=luck", []string{"none, previous, year, custom"}},
	} {
		t.Run(test.path, func(t *testing.T) {
			w.t = t
			contains(t, string(c.want(400, "GET", "/api/v1"+test.path, nil).body), test.says...)
		})
	}
}

func TestWhatIsNotThere(t *testing.T) {
	w := newWorld(t)
	c := w.browser()
	c.want(404, "GET", "/api/v1/nothing", nil)
	c.want(404, "GET", "/api/", nil)
	c.want(405, "DELETE", "/api/v1/contacts", nil)
	keyed := w.keyed(w.ann, control.Admin)
	keyed.want(404, "POST", "/api/v1/connections/zendesk/test", nil)
	keyed.want(404, "POST", "/api/v1/connections/intercom/test", nil)
	a := keyed.want(503, "GET", "/api/v1/contacts", nil)
	contains(t, string(a.body), "ClickHouse did not answer", "Try again")
	spec := c.want(200, "GET", "/api/v1/openapi.yaml", nil)
	own, err := os.ReadFile("openapi.yaml")
	if err != nil || string(spec.body) != string(own) {
		t.Errorf("the contract is not served as it is: %v", err)
	}
}

func TestHeaders(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/api/v1/session", "/api/v1/nothing", "/api/v1/openapi.yaml", "/connect/intercom/start"} {
		head := w.browser().ask("GET", path, nil).header
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		} {
			if head.Get(name) != want {
				t.Errorf("%s answers %s: %q", path, name, head.Get(name))
			}
		}
	}
}

func TestTheLogHoldsNobodysData(t *testing.T) {
	var text bytes.Buffer
	w := newWorld(t, func(d *api.Deps) {
		d.Log, d.Leads = slog.New(slog.NewTextHandler(&text, nil)), panics{}
	})
	c := w.keyed(w.ann, control.Editor)
	c.want(503, "GET", "/api/v1/contacts?q=ada@a.example", nil)
	c.want(500, "POST", "/api/v1/conversions", map[string]string{"id": "1", "name": "p", "at": "2026-09-20T10:00:00Z", "email": "ada@a.example"})
	w.server.Close() // Nothing writes to the log any more.
	contains(t, text.String(), "a request failed", "route=/api/v1/contacts", "a request panicked")
	if strings.Contains(text.String(), "ada@") || strings.Contains(text.String(), c.key) {
		t.Errorf("the log says %s", text.String())
	}
}

func TestWhatIsMissingIsSaidAtStart(t *testing.T) {
	if _, err := api.New(api.Deps{}); err == nil {
		t.Error("an API of nothing starts")
	}
	w := newWorld(t)
	_, err := api.New(api.Deps{
		Store: w.store, Reports: &report.Reader{}, Connections: &connect.Service{}, Doctor: examiner(w.store), Leads: w.leads,
		Costs: &sink.Costs{}, BITools: w.tools, Normalizer: identity.Rules{}, Channels: &enrich.Channels{}, Sealer: controltest.Keys(t), Addresses: outbound.Guard{}, Tracking: func(string) api.Snippet { return api.Snippet{} }, PublicURL: "loop.example",
	})
	if schema.KindOf(err) != schema.KindInvalid {
		t.Errorf("a public address without a scheme gives %v", err)
	}
}

// FuzzMoment: what was read is written so that it reads the same.
func FuzzMoment(f *testing.F) {
	for _, seed := range []string{`"2026-11-23T14:05:09.250Z"`, `"2026-11-23T14:05:09+02:00"`, `"0000-01-01T00:00:00+23:59"`, `"9999-12-31T23:59:59.9999Z"`, `12`, `null`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var m, again api.Moment
		if m.UnmarshalJSON(data) != nil {
			return
		}
		text, err := m.MarshalJSON()
		if err != nil || len(text) != len(`"2026-11-23T14:05:09.250Z"`) {
			t.Fatalf("%s is written as %s (%v)", data, text, err)
		}
		if err := again.UnmarshalJSON(text); err != nil || again != m {
			t.Fatalf("%s reads as %d and then %d (%v)", data, m, again, err)
		}
	})
}

// panics is a log that cannot even fail properly.
type panics struct{}

func (panics) Append(context.Context, string, [][]byte, [][]byte) error { panic("ada@a.example") }

// waits is a log that answers when nobody waits any more.
type waits struct{ asked chan struct{} }

func (w waits) Append(ctx context.Context, _ string, _, _ [][]byte) error {
	close(w.asked)
	<-ctx.Done()
	return ctx.Err()
}

// TestWhoGoesAwayIsNoFailure: browsers give up what they asked with every click.
func TestWhoGoesAwayIsNoFailure(t *testing.T) {
	var text bytes.Buffer
	asked := make(chan struct{})
	w := newWorld(t, func(d *api.Deps) { d.Log, d.Leads = slog.New(slog.NewTextHandler(&text, nil)), waits{asked} })
	ctx, leave := context.WithCancel(t.Context())
	body := strings.NewReader(`{"id":"1","name":"p","at":"2026-09-20T10:00:00Z","email":"a@b.example"}`)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.server.URL+"/api/v1/conversions", body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+w.keyed(w.ann, control.Editor).key)
	go func() {
		<-asked
		leave()
	}()
	if response, err := http.DefaultClient.Do(request); err == nil {
		_ = response.Body.Close() // Nothing is read of it.
		t.Errorf("somebody who left was answered %d", response.StatusCode)
	}
	w.server.Close() // Nothing writes to the log any more.
	if strings.Contains(text.String(), "a request failed") {
		t.Errorf("the log says %s", text.String())
	}
}

func TestAPanicIsAProblemAndIsMeasured(t *testing.T) {
	w := newWorld(t, func(d *api.Deps) { d.Leads = panics{} })
	c := w.keyed(w.ann, control.Editor)
	a := c.want(500, "POST", "/api/v1/conversions", map[string]string{"id": "1", "name": "p", "at": "2026-09-20T10:00:00Z", "email": "a@b.example"})
	if p := a.problem(t); p.Type != "internal" || strings.Contains(string(a.body), "ada@") {
		t.Errorf("the answer is %s", a.body)
	}
	c.ask("GET", "/api/v1/"+url.PathEscape("a path of somebody's own"), nil)
	all, err := w.metrics.Gather()
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	text := all[0].String()
	contains(t, text, `value:"/api/v1/conversions"`, `value:"500"`, `value:"other"`)
	if strings.Contains(text, "somebody") {
		t.Error("paths become series")
	}
}
