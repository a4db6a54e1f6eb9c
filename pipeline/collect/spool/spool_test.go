package spool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// kafka is a log that can be away.
type kafka struct {
	mu   sync.Mutex
	away bool
	have map[string]bool
}

func (k *kafka) AppendAsync(_ context.Context, _ string, _, values [][]byte, done func(error)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.away {
		done(errors.New("away"))
		return
	}
	for _, v := range values {
		k.have[string(v)] = true
	}
	done(nil)
}

func open(t *testing.T, dir string, k *kafka) *Spool {
	t.Helper()
	s, err := New(Config{Dir: dir}, k, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWhatIsSpooledSurvivesARestartAndIsDrained(t *testing.T) {
	dir, k := t.TempDir(), &kafka{away: true, have: map[string]bool{}}
	s := open(t, dir, k)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			if err := s.Append(t.Context(), "hits", [][]byte{[]byte("k")}, [][]byte{fmt.Append(nil, i)}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(dir, segmentName(1)), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("torn")); err != nil {
		t.Fatal(err)
	}
	f.Close()
	s = open(t, dir, k)
	k.away = false
	if err := s.drainAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(k.have) != 50 || s.Backlog() != 0 {
		t.Errorf("Kafka has %d of 50 records, %d bytes wait", len(k.have), s.Backlog())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
