package deliver_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/deploy/standin/ads"
	"sourceloop/deploy/standin/ads/adstest"
	googlestandin "sourceloop/deploy/standin/google"
	linkedinstandin "sourceloop/deploy/standin/linkedin"
	metastandin "sourceloop/deploy/standin/meta"
	"sourceloop/pipeline/deliver"
	"sourceloop/schema"
	"sourceloop/sinks"
	"sourceloop/sinks/googleads"
	"sourceloop/sinks/linkedin"
	"sourceloop/sinks/meta"
)

// shared is how many conversions go to all three; what is more goes to the one
// that fails only.
const shared = 1000

// TestAThirdOfTheRequestsFails sends conversions to the three platforms over
// HTTP, one of which refuses, or takes and does not answer, a third of what it is
// asked. All end in a final state, none counts twice, and the other two have all
// of theirs at the first attempt.
func TestAThirdOfTheRequestsFails(t *testing.T) {
	for _, c := range []struct {
		failing     string
		conversions int
	}{{"linkedin", 1000}, {"google", 1000}, {"meta", 10_000}} {
		t.Run(c.failing, func(t *testing.T) { newTrial(t, c.failing, c.conversions).run() })
	}
}

// trial is the stage between a real settings database and the stand-ins.
type trial struct {
	t            *testing.T
	w            *world
	failing      string
	conversions  []schema.ID
	benches      map[string]*adstest.Bench
	destinations map[string]control.Destination
}

func newTrial(t *testing.T, failing string, n int) *trial {
	r := &trial{t: t, w: newWorld(t), failing: failing, benches: map[string]*adstest.Bench{}, destinations: map[string]control.Destination{}}
	r.w.clock.Advance(268 * 24 * time.Hour) // LinkedIn's version has been published by then.
	r.open("google", "7001001", func(c ads.Config) (adstest.Vendor, error) { return googlestandin.New(googlestandin.Config{Config: c}) },
		func(base string) sinks.Platform {
			return googleads.New(googleads.Config{APIBase: base, Now: r.w.clock.Now})
		})
	r.open("meta", "1029384756102938", func(c ads.Config) (adstest.Vendor, error) { return metastandin.New(metastandin.Config{Config: c}) },
		func(base string) sinks.Platform { return meta.New(meta.Config{APIBase: base, Now: r.w.clock.Now}) })
	r.open("linkedin", "8001001", func(c ads.Config) (adstest.Vendor, error) {
		return linkedinstandin.New(linkedinstandin.Config{Config: c})
	},
		func(base string) sinks.Platform {
			return linkedin.New(linkedin.Config{APIBase: base, Now: r.w.clock.Now})
		})
	r.w.start()
	r.w.clock.Advance(time.Minute)
	for i := range n {
		r.conversions = append(r.conversions, r.w.truth.put(strconv.Itoa(i), "person-"+strconv.Itoa(i), r.w.now(), func(s *schema.Sendable) {
			if i >= shared {
				s.Name = "goal"
			}
		}))
	}
	return r
}

// open starts a stand-in, a platform that talks to it, and a destination there.
func (r *trial) open(name, action string, open func(ads.Config) (adstest.Vendor, error), platform func(base string) sinks.Platform) {
	r.t.Helper()
	b := adstest.Start(r.t, func(c ads.Config) (adstest.Vendor, error) {
		c.RequestsPerMinute, c.Now = -1, r.w.clock.Now
		return open(c)
	})
	base := b.URL
	if name == r.failing {
		base = unreliable(r.t, b)
	}
	r.benches[name], r.w.tokens[name] = b, b.Token
	p := platform(base)
	l := p.Limits()
	// Small requests, so that there are many to fail.
	r.w.channels[name] = deliver.Channel{Platform: p, Batch: 25, Oldest: l.Oldest, Remembers: l.Remembers}
	number, err := strconv.Atoi(action)
	if err != nil {
		r.t.Fatal(err)
	}
	r.destinations[name] = r.w.destination(r.t, name, number, func(d *control.Destination) {
		if name == "linkedin" {
			d.Account = "512345678"
		}
		if name == r.failing {
			d.Conversions = append(control.DefaultConversions(), "goal")
		}
		d.Value = control.ValueRule{Kind: control.FixedValue, Fixed: 20, Currency: "USD"}
	})
}

// unreliable stands before a stand-in and has every third request fail: by turns
// it is refused, is one too many, or is taken and not answered.
func unreliable(t *testing.T, b *adstest.Bench) string {
	to, err := url.Parse(b.URL)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:     log.New(io.Discard, "", 0),
	}
	n := 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// One destination has one request under way, so that nobody else counts.
		if n++; n%3 == 0 {
			b.Fault([]string{"500", "429", "timeout"}[n/3%3], 1)
		}
		forward.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

func (r *trial) run() {
	r.t.Helper()
	if err := r.w.credit(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	const patient, idle = 10 * time.Minute, 5 * time.Second
	left, step := r.pending(), idle
	for i := 0; left > 0; i++ {
		if i > 1000 {
			r.stuck()
			r.t.Fatalf("after %d rounds %d pushes are still pending", i, left)
		}
		r.w.round(r.t)
		before := left
		if left = r.pending(); left < before {
			step = idle
			continue
		}
		r.w.clock.Advance(step) // Nothing was due: longer and longer, as long as nothing is.
		step = min(2*step, patient)
	}
	for name := range r.benches {
		r.judge(name)
	}
}

// stuck says of one pending push of each platform why it is.
func (r *trial) stuck() {
	for name, d := range r.destinations {
		for _, p := range r.w.pushes(r.t, d) {
			if p.State == schema.PushPending {
				c, err := r.w.store.Connection(r.t.Context(), d.Connection)
				r.t.Logf("%s is pending after %d attempts: %q %s, due %s; now it is %s, and the connection %s (%q), %v",
					name, p.Attempts, p.Words, p.Code, p.Due.Time(), r.w.clock.Now(), c.State, c.LastError, err)
				break
			}
		}
	}
}

// pending counts what is not final yet.
func (r *trial) pending() int {
	counts, err := r.w.store.PushCounts(r.t.Context(), r.w.who)
	if err != nil {
		r.t.Fatal(err)
	}
	n := 0
	for _, d := range r.destinations {
		n += counts[d.ID][schema.PushPending]
	}
	return n
}

func (r *trial) judge(name string) {
	d := r.destinations[name]
	accepted, pushes := r.accepted(name), r.w.pushes(r.t, d)
	states, theirs := map[schema.PushState]int{}, r.conversions
	if name != r.failing {
		theirs = theirs[:min(len(theirs), shared)]
	}
	for _, id := range theirs {
		p, ok := pushes[id]
		if !ok {
			r.t.Fatalf("%s: a conversion has no push", name)
		}
		states[p.State]++
		times := accepted[p.ID.String()]
		unsure := p.State == schema.PushError && strings.Contains(p.Words, "may have it")
		switch {
		case times > 1, p.State == schema.PushSent && times != 1, p.State != schema.PushSent && !unsure:
			r.t.Errorf("%s: a push is %s (%q), and counts %d times there", name, p.State, p.Words, times)
		case name != r.failing && (p.State != schema.PushSent || p.Attempts != 1):
			r.t.Errorf("%s: a push of a platform that works is %s after %d attempts", name, p.State, p.Attempts)
		case name != "linkedin" && p.State != schema.PushSent:
			r.t.Errorf("%s: a push is %s though the platform tells repetitions apart: %s", name, p.State, p.Words)
		}
	}
	if name == "linkedin" && name == r.failing && states[schema.PushError] == 0 {
		r.t.Error("nothing was parked, so nothing was tried")
	}
	r.t.Logf("%s: %v, %d count there", name, states, len(accepted))
}

// seen is a conversion as a stand-in tells it.
type seen struct {
	Seq int64
	ID  string
}

// accepted tells how often each id counts at a platform.
func (r *trial) accepted(name string) map[string]int {
	times, after := map[string]int{}, int64(0)
	for {
		var page struct {
			Accepted   []seen
			NotCounted []seen `json:"not_counted"`
		}
		r.benches[name].JSON(http.MethodGet, fmt.Sprintf("/standin/accepted?after=%d&limit=500", after), "", http.StatusOK, &page)
		if len(page.Accepted)+len(page.NotCounted) == 0 {
			return times
		}
		for _, one := range page.Accepted {
			times[one.ID[strings.LastIndexByte(one.ID, '/')+1:]]++ // Meta's are named with their event.
			after = max(after, one.Seq)
		}
		for _, one := range page.NotCounted {
			after = max(after, one.Seq)
		}
	}
}
