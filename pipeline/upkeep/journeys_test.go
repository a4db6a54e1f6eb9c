package upkeep_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/control/controltest"
	"sourceloop/pipeline/upkeep"
)

// begins waits until a copy is under way, and gives whether everything is copied.
func (c *copies) begins(t *testing.T) (anew bool) {
	t.Helper()
	select {
	case anew = <-c.begun:
	case <-time.After(time.Minute):
		t.Fatal("nothing is copied")
	}
	return anew
}

// ends lets the copy end and waits until its task is given back.
func (r *rig) ends(task int64, err error) {
	r.Helper()
	r.copies.end <- err
	controltest.Within(r.T, "the task is given back", func() bool {
		got, failure := r.store.Task(r.Context(), task)
		return failure == nil && got.Finished == (err == nil)
	})
}

// none fails when something is copied although it is not asked for.
func (c *copies) none(t *testing.T, when string) {
	t.Helper()
	select {
	case <-c.begun:
		t.Errorf("sessions were copied %s", when)
	default:
	}
}

// TestJourneysAreCopiedBesideOtherWork: a copy may take long, and a rebuild does not wait for it. It stays with who makes it,
// and what failed is made again.
func TestJourneysAreCopiedBesideOtherWork(t *testing.T) {
	r := newRig(t)
	asked, err := r.store.RequestJourneys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.work()
	if !r.copies.begins(t) {
		t.Error("what was copied before is not copied anew")
	}
	controltest.Within(t, "it is said what is done", func() bool {
		task, err := r.store.Task(t.Context(), asked.ID)
		return err == nil && task.Progress.Doing != ""
	})
	rebuild, err := r.store.RequestRebuild(t.Context(), 0, control.TaskBody{})
	if err != nil {
		t.Fatal(err)
	}
	r.work()
	r.work()
	if task, err := r.store.Task(t.Context(), rebuild.ID); err != nil || !task.Finished {
		t.Errorf("the rebuild waits for the copy: %+v, %v", task, err)
	}
	r.ends(asked.ID, errors.New("as a test wants it"))
	controltest.Within(t, "it is tried again", func() bool {
		r.clock.Advance(time.Second) // The lease follows the clock.
		if err := r.keeper.Work(t.Context()); err != nil {
			t.Fatal(err)
		}
		select {
		case <-r.copies.begun:
			return true
		default:
			return false
		}
	})
	r.ends(asked.ID, nil)
	r.work()
	r.copies.none(t, "again after they were copied")
}

// noting is a settings database that tells of copies that are done.
type noting struct {
	*control.Store
	done chan bool
}

func (n *noting) SaveTask(ctx context.Context, task *control.Task, after time.Duration) error {
	err := n.Store.SaveTask(ctx, task, after)
	if task.Kind == control.JourneysTask && task.Finished {
		n.done <- true
	}
	return err
}

// TestJourneysAreCopiedEveryNightAndAfterARebuild, once what was written has settled, by one of several processes.
func TestJourneysAreCopiedEveryNightAndAfterARebuild(t *testing.T) {
	r := newRig(t)
	store := &noting{r.store, make(chan bool)}
	config := upkeep.Config{
		Store: store, Log: r.owners, Steps: r.owners, People: r.owners, Journeys: r.copies, Workspaces: r.store.Directory(),
		Nightly: 3 * time.Hour, Now: r.clock.Now,
	}
	another := upkeep.New(config)
	r.keeper = upkeep.New(config)
	copied := func(when string) {
		t.Helper()
		r.work()
		r.copies.none(t, "before what was written "+when+" has settled")
		r.clock.Advance(10 * time.Minute)
		for _, k := range []*upkeep.Keeper{r.keeper, another} {
			if err := k.Work(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if r.copies.begins(t) {
			t.Error("what was copied before is copied anew")
		}
		r.copies.none(t, "by two")
		r.copies.end <- nil
		<-store.done
	}
	copied("in the night before")
	r.clock.Advance(24 * time.Hour)
	copied("in the night")
	if _, err := r.store.RequestRebuild(t.Context(), 0, control.TaskBody{}); err != nil {
		t.Fatal(err)
	}
	r.work()
	copied("by a rebuild")
}

// begun has the tasks looked at that are due now, and tells whether a copy is under way.
func (r *rig) begun() bool {
	r.Helper()
	if err := r.keeper.Work(r.Context()); err != nil {
		r.Fatal(err)
	}
	select {
	case <-r.copies.begun:
		return true
	default:
		return false
	}
}

// failing is a settings database that tells how long copies wait that failed.
type failing struct {
	*control.Store
	failures int
	after    chan time.Duration
}

func (f *failing) SaveTask(ctx context.Context, task *control.Task, after time.Duration) error {
	err := f.Store.SaveTask(ctx, task, after)
	if task.Progress.Failures > f.failures {
		f.failures = task.Progress.Failures
		f.after <- after
	}
	return err
}

// TestACopyThatKeepsFailingWaitsLonger, up to an hour. What a night asked for is given up after a day, what somebody asked for is not.
func TestACopyThatKeepsFailingWaitsLonger(t *testing.T) {
	r := newRig(t)
	store := &failing{Store: r.store, after: make(chan time.Duration, 1)}
	r.keeper = upkeep.New(upkeep.Config{
		Store: store, Log: r.owners, Steps: r.owners, People: r.owners, Journeys: r.copies, Workspaces: r.store.Directory(), Nightly: -1, Now: r.clock.Now,
	})
	fails := func() time.Duration {
		t.Helper()
		controltest.Within(t, "it is tried", func() bool {
			r.clock.Advance(time.Second) // The copier may be held for a moment longer, and the task then waits once more.
			return r.begun()
		})
		r.copies.end <- errors.New("as a test wants it")
		return <-store.after
	}
	asked, err := r.store.RequestJourneys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, minutes := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		if got := fails(); got != minutes*time.Minute {
			t.Errorf("it waits for %s, want %d minutes", got, minutes)
		}
		r.clock.Advance(minutes*time.Minute - 2*time.Second)
		if r.begun() {
			t.Fatal("it is tried again before its time")
		}
	}
	r.clock.Advance(25 * time.Hour)
	fails()
	if task, err := r.store.Task(t.Context(), asked.ID); err != nil || task.Finished {
		t.Errorf("what somebody asked for is given up: %+v, %v", task, err)
	}
}

// TestACopyOfANightIsGivenUpForTheNext, so that those that fail do not become more and more.
func TestACopyOfANightIsGivenUpForTheNext(t *testing.T) {
	r := newRig(t)
	night := control.Task{Kind: control.JourneysTask}
	if err := r.store.AddJourneys(t.Context(), "journeys of a night", 0); err != nil {
		t.Fatal(err)
	}
	fails := func(finished bool) {
		t.Helper()
		controltest.Within(t, "it is tried", func() bool {
			r.clock.Advance(time.Second)
			return r.begun()
		})
		r.copies.end <- errors.New("as a test wants it")
		controltest.Within(t, "it is given back", func() bool {
			task, err := r.store.Task(t.Context(), 1)
			ended := err == nil && task.Progress.Failures > night.Progress.Failures
			if ended {
				night = task
			}
			return ended
		})
		if night.Finished != finished {
			t.Errorf("it was given up: %+v", night)
		}
	}
	fails(false)
	r.clock.Advance(25 * time.Hour)
	fails(true)
}

// TestAnEndingProcessGivesItsCopyBack, so that the next one need not wait.
func TestAnEndingProcessGivesItsCopyBack(t *testing.T) {
	r := newRig(t)
	asked, err := r.store.RequestJourneys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.clock.Advance(10 * time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- r.keeper.Run(ctx) }()
	r.copies.begins(t)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	r.work() // The next one looks a minute later.
	r.copies.begins(t)
	r.ends(asked.ID, nil)
}
