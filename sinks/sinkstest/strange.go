package sinkstest

import (
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"sourceloop/schema"
	"sourceloop/sinks/wire"
)

// patience outlasts a busy machine.
const patience = time.Minute

// serve answers as no vendor should; the address is that of its API.
func serve(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server.URL
}

func unreachable(t *testing.T, s *Subject) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	want(t, Settle(t.Context(), t, s.New("http://"+address), s.Target, s.Events(3)), schema.OutcomeLater)
}

func cancelledBefore(t *testing.T, s *Subject) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	want(t, Settle(ctx, t, s.New(s.URL), s.Target, s.Events(3)), schema.OutcomeLater)
	s.once(t)
}

// cancelledBeforeAnyByte: a connection is there, and TLS is never agreed on.
func cancelledBeforeAnyByte(t *testing.T, s *Subject) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var open []net.Conn
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			connection, err := l.Accept()
			if err != nil {
				return
			}
			open = append(open, connection)
			if _, err := connection.Read(make([]byte, 1)); err == nil {
				cancel() // The first byte of the greeting is here.
			}
		}
	})
	want(t, s.New("https://"+l.Addr().String()).Send(ctx, s.Target, s.Events(3)), schema.OutcomeLater)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	accepting.Wait()
	for _, connection := range open {
		_ = connection.Close() // The other side is gone.
	}
}

// cancelledUnderWay: everything was read, and the answer is not waited for.
func cancelledUnderWay(t *testing.T, s *Subject) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	release := make(chan struct{})
	defer close(release)
	requests := 0
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		requests++
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Error(err)
		}
		cancel()
		<-release
	})
	p := s.New(url)
	verdicts := p.Send(ctx, s.Target, s.Events(p.Limits().Batch+1))
	want(t, verdicts[:p.Limits().Batch], schema.OutcomeUnclear)
	want(t, verdicts[p.Limits().Batch:], schema.OutcomeLater)
	if requests != 1 {
		t.Errorf("%d requests", requests)
	}
}

// strangeAnswers come of what stands between us and a platform.
func strangeAnswers(t *testing.T, s *Subject) {
	for _, test := range []struct {
		name    string
		status  int
		header  string
		body    string
		outcome schema.Outcome
	}{
		{"not JSON", 200, "", "<html>welcome</html>", schema.OutcomeUnclear},
		{"nothing", 200, "", "", schema.OutcomeUnclear},
		{"an empty object", 200, "", "{}", schema.OutcomeUnclear},
		{"null", 200, "", "null", schema.OutcomeUnclear},
		{"half an answer", 200, "Content-Length: 1000", `{"elements":[`, schema.OutcomeUnclear},
		{"a gateway's page", 502, "", "<html>bad gateway</html>", schema.OutcomeUnclear},
		{"a gateway's patience", 504, "", "", schema.OutcomeUnclear},
		{"a proxy's fault", 500, "", "oh no", schema.OutcomeUnclear},
		{"their fault", 500, "", s.Refusal(500, "internal"), schema.OutcomeLater},
		{"their rest", 503, "Retry-After: 9", s.Refusal(503, "unavailable"), schema.OutcomeLater},
		{"a limit", 429, "Retry-After: 9", "slow down", schema.OutcomeLater},
		{"a redirect", 302, "Location: http://127.0.0.1:1/elsewhere", "", schema.OutcomeLater},
		{"a permanent redirect", 308, "Location: http://127.0.0.1:1/elsewhere", "", schema.OutcomeLater},
		{"a login page", 401, "", "<html>who are you</html>", schema.OutcomeDenied},
	} {
		url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if name, value, found := strings.Cut(test.header, ": "); found {
				w.Header().Set(name, value)
			}
			w.WriteHeader(test.status)
			_, _ = io.WriteString(w, test.body) // The client may be gone.
		})
		verdicts := Settle(t.Context(), t, s.New(url), s.Target, s.Events(3))
		verdicts = append(verdicts, Settle(t.Context(), t, s.New(url), s.Target, s.Events(1))...)
		for _, v := range verdicts {
			if v.Outcome != test.outcome {
				t.Errorf("%s: outcome %d, not %d: %q", test.name, v.Outcome, test.outcome, v.Words)
			}
			if strings.HasPrefix(test.header, "Retry") && v.After != 9*time.Second {
				t.Errorf("%s: after %v", test.name, v.After)
			}
		}
	}
}

// nothingSecret: a platform that repeats all that it was sent finds no echo.
func nothingSecret(t *testing.T, s *Subject) {
	for _, status := range []int{200, 201, 400, 401, 403, 404, 409, 413, 422, 426, 429, 500, 502, 503} {
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			content, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			said := "You sent " + r.Header.Get("Authorization") + " and " + string(content) +
				" for ADA.QUILL@EXAMPLE.COM, Ada Quillfeather, +49 151 99887766, 4915199887766, https://shop.example/pricing?email=ada"
			w.WriteHeader(status)
			_, _ = io.WriteString(w, s.Refusal(status, said)) // The client may be gone.
		})
		events := s.Events(3)
		for _, v := range Settle(t.Context(), t, s.New(url), s.Target, events) {
			s.discreet(t, v, events)
		}
		s.discreet(t, s.New(url).Confirm(t.Context(), s.Target, "a receipt", 1), events)
	}
}

// discreet fails when a verdict repeats what is secret or a person's.
func (s *Subject) discreet(t *testing.T, v schema.Verdict, events []schema.Outgoing) {
	t.Helper()
	said := strings.ToLower(v.Words + "\n" + v.Code)
	secrets := []string{s.Target.Token, "ada", "quill", "49151", "151 998", "99887766", "shop.example", "bearer " + s.Target.Token[:8]}
	for _, text := range []string{"ada.quill@example.com", "+4915199887766", "4915199887766", "ada", "quillfeather", "de"} {
		secrets = append(secrets, wire.Hash(text), wire.Hash(text)[:16])
	}
	for _, click := range events[0].Clicks {
		secrets = append(secrets, click.Value)
	}
	for _, secret := range secrets {
		if strings.Contains(said, strings.ToLower(secret)) {
			t.Errorf("%q is in %q (%s)", secret, v.Words, v.Code)
		}
	}
}

// anyAnswer: whatever comes, each event has a verdict, and few requests are made.
func anyAnswer(t *testing.T, s *Subject) {
	seed := rand.Uint64() //nolint:gosec // Chance in a test.
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // The same.
	var mu sync.Mutex
	requests := 0
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // What it is does not matter.
		mu.Lock()
		defer mu.Unlock()
		requests++
		statuses := []int{200, 200, 201, 204, 299, 301, 400, 400, 400, 401, 403, 404, 405, 408, 409, 410, 413, 422, 426, 429, 500, 503, 599}
		w.WriteHeader(statuses[chance.IntN(len(statuses))])
		_, _ = io.WriteString(w, anything(chance, 0)) // The client may be gone.
	})
	p := s.New(url)
	for range 150 {
		mu.Lock()
		requests = 0
		n := 1 + chance.IntN(12)
		mu.Unlock()
		complete(t, s.Events(n), p.Send(t.Context(), s.Target, s.Events(n)))
		mu.Lock()
		if requests > 60 {
			t.Errorf("%d requests for %d events", requests, n)
		}
		mu.Unlock()
		complete(t, s.Events(1), []schema.Verdict{p.Confirm(t.Context(), s.Target, "a receipt", n)})
	}
}

// anything is JSON made of the vendors' words.
func anything(chance *rand.Rand, depth int) string {
	words := []string{
		"error", "code", "status", "message", "details", "reason", "fieldViolations", "field", "events[0].x", "events[7]", "destinations[0]", "elements", "requestId",
		"requestStatusPerDestination", "requestStatus", "errorInfo", "errorCounts", "recordCount", "FAILED", "PARTIAL_SUCCESS", "SUCCESS", "PROCESSING",
		"PROCESSING_ERROR_REASON_NEW_THING", "events_received", "messages", "error_subcode", "indices [0, 99]", "/elements/1/x", "INVALID_ARGUMENT", "", "-1", "💥",
	}
	word := func() string { return words[chance.IntN(len(words))] }
	switch kind := chance.IntN(6); {
	case depth > 4 || kind == 0:
		encoded, err := json.Marshal(word())
		if err != nil {
			return "null"
		}
		return string(encoded)
	case kind == 1:
		numbers := []string{"0", "1", "2", "3", "100", "190", "200", "201", "403", "2804003", "-7", "1e99", "null", "true"}
		return numbers[chance.IntN(len(numbers))]
	case kind == 2:
		parts := make([]string, chance.IntN(4))
		for i := range parts {
			parts[i] = anything(chance, depth+1)
		}
		return "[" + strings.Join(parts, ",") + "]"
	default:
		parts := make([]string, 1+chance.IntN(4))
		for i := range parts {
			encoded, err := json.Marshal(word())
			if err != nil {
				encoded = []byte(`""`)
			}
			parts[i] = string(encoded) + ":" + anything(chance, depth+1)
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
}
