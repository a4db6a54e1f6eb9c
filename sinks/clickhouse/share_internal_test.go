package clickhouse

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// TestSharedAnswersAreNew: of many who ask at once nobody is given an answer to
// a question that began before they asked, and they cost few questions.
func TestSharedAnswersAreNew(t *testing.T) {
	var mu sync.Mutex
	written, questions := 0, 0
	s := shared[int]{ask: func(context.Context) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		questions++
		return written, nil
	}}
	const callers, each = 64, 50
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for range each {
				mu.Lock()
				written++
				mine := written
				mu.Unlock()
				if got, err := s.get(t.Context()); err != nil || got < mine {
					t.Errorf("an answer of %d after %d was written: %v", got, mine, err)
				}
			}
		})
	}
	group.Wait()
	if questions == 0 || questions > callers*each {
		t.Errorf("%d questions for %d callers", questions, callers*each)
	}
}

// TestSharedQuestionIsHeld: those who come while one is under way share the next.
func TestSharedQuestionIsHeld(t *testing.T) {
	begun, release := make(chan int, 3), make(chan struct{})
	n := 0
	s := shared[int]{ask: func(context.Context) (int, error) {
		n++
		begun <- n
		<-release
		return n, nil
	}}
	first := make(chan int)
	go func() {
		got, _ := s.get(t.Context())
		first <- got
	}()
	<-begun
	later := make([]*answer[int], 10)
	for i := range later {
		later[i] = s.join(t.Context())
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.get(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("who went away was told %v", err)
	}
	close(release)
	if got := <-first; got != 1 {
		t.Errorf("the first was told %d", got)
	}
	for _, a := range later {
		<-a.done
		if a.value != 2 {
			t.Errorf("one that came later was told %d", a.value)
		}
	}
}

// TestSharedErrorsAreOfOneQuestion: whoever asks after a failure asks anew.
func TestSharedErrorsAreOfOneQuestion(t *testing.T) {
	failure := errors.New("away")
	s := shared[int]{ask: func(context.Context) (int, error) { return 7, failure }}
	if _, err := s.get(t.Context()); !errors.Is(err, failure) {
		t.Fatalf("%v", err)
	}
	failure = nil
	if got, err := s.get(t.Context()); err != nil || got != 7 {
		t.Fatalf("%d, %v", got, err)
	}
}
