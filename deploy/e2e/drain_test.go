package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// statusOf is what an address answers now; 0 when it does not.
func statusOf(address string) (int, error) {
	r, err := http.Get(address)
	if err != nil {
		return 0, err
	}
	return r.StatusCode, r.Body.Close()
}

func awaitStatus(t testing.TB, address string, want int) {
	t.Helper()
	until(t, fmt.Sprintf("%d from %s", want, address), func() (bool, string) {
		got, err := statusOf(address)
		return got == want, fmt.Sprint(got, err)
	})
}

func TestAProcessThatStopsSaysSoBeforeItRefuses(t *testing.T) {
	s := serve(t, t.TempDir(), "127.0.0.1:0", "--drain-delay", "1h")
	a := s.signUp(t, tokenOf(t, s.link), "drain")
	visitor, at := newVisitor(), time.Now().Add(-time.Minute)
	a.collect(t, pageview(visitor, at, shop+"/before?utm_source=before&utm_medium=email", ""))

	s.tellToStop(t)
	awaitStatus(t, s.url+"/readyz", http.StatusServiceUnavailable)
	if got, err := statusOf(s.url + "/healthz"); got != http.StatusOK {
		t.Errorf("a process that is to be left alone until it has stopped is called dead: %d, %v", got, err)
	}
	a.collect(t, pageview(visitor, at.Add(time.Second), shop+"/draining", ""))
	if r := a.ask(t, http.MethodGet, "/api/v1/contacts", nil); r.status != http.StatusOK {
		t.Errorf("the API does not answer any more while balancers are to notice: %d", r.status)
	}
	if err := s.terminate(t); err != nil { // A second time: nobody needs the rest of the hour.
		t.Errorf("it ended with %v\n%s", err, s.stderr)
	}

	again := start(t, "serve", "--listen", strings.TrimPrefix(s.url, "http://"), "--data", s.dir, "--no-sync")
	t.Cleanup(again.kill)
	again.showOnFailure(t)
	awaitStatus(t, s.url+"/readyz", http.StatusOK)
	until(t, "both page views", func() (bool, string) {
		traffic := get[struct {
			Figures []struct {
				Name  string
				Value float64
			}
		}](t, a, "/api/v1/traffic")
		for _, figure := range traffic.Figures {
			if figure.Name == "page_views" && figure.Value == 2 {
				return true, ""
			}
		}
		return false, fmt.Sprintf("%+v", traffic)
	})
}
