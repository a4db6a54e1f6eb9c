package control_test

import (
	"reflect"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/control/controltest"
	"sourceloop/schema"
)

func testTasks(t *testing.T, dsn string) {
	ctx := t.Context()
	clock := controltest.NewClock()
	keys := controltest.Keys(t)
	s := controltest.Open(t, dsn, control.Options{Now: clock.Now, Keys: keys})
	other := controltest.Open(t, dsn, control.Options{Now: clock.Now, Keys: keys})
	asked := must[control.Task](t)(s.RequestRebuild(ctx, 7, control.TaskBody{From: 5, To: 9}))
	if task := must[*control.Task](t)(s.TakeTask(ctx, time.Minute)); task != nil {
		t.Fatalf("it begins before the settings are known everywhere: %+v", task)
	}
	clock.Advance(3 * time.Second)
	task := must[*control.Task](t)(s.TakeTask(ctx, time.Minute))
	if task == nil || task.ID != asked.ID || task.Run != asked.Run || task.Kind != control.RebuildTask || task.Workspace != 7 || task.Body != asked.Body {
		t.Fatalf("took %+v, asked for %+v", task, asked)
	}
	if again := must[*control.Task](t)(other.TakeTask(ctx, time.Minute)); again != nil {
		t.Fatal("two have it")
	}
	clock.Advance(2 * time.Minute)
	heir := must[*control.Task](t)(other.TakeTask(ctx, time.Minute))
	if heir == nil {
		t.Fatal("nobody can take it from one who died")
	}
	heir.Phase, heir.Progress = 1, control.TaskProgress{Doing: "it", Parts: 3, Running: []string{"a"}, Waiting: []string{"b"}, Counts: map[string]uint64{"visitors": 5}}
	if err := other.SaveTask(ctx, heir, time.Second); err != nil {
		t.Fatal(err)
	}
	task.Phase = 9
	if err := s.SaveTask(ctx, task, 0); err != nil {
		t.Fatal(err)
	}
	got := must[control.Task](t)(s.Task(ctx, asked.ID))
	if got.Phase != 1 || !reflect.DeepEqual(got.Progress, heir.Progress) || got.Finished {
		t.Fatalf("after one who had lost it, it is %+v", got)
	}
	clock.Advance(2 * time.Second)
	last := must[*control.Task](t)(s.TakeTask(ctx, time.Minute))
	last.Finished = true
	if err := s.SaveTask(ctx, last, 0); err != nil {
		t.Fatal(err)
	}
	got = must[control.Task](t)(s.Task(ctx, asked.ID))
	if more := must[*control.Task](t)(s.TakeTask(ctx, time.Minute)); more != nil || !got.Finished || got.FinishedAt != schema.MillisOf(clock.Now()) {
		t.Fatalf("finished it is %+v, and there is %+v", got, more)
	}
	testJourneyTasks(t, s, other, clock)
	_, err := s.Task(ctx, 99)
	wantKind(t, err, schema.KindUnknown)
	for i, want := range []bool{true, false} {
		if added := must[bool](t)(s.AddNightly(ctx, "late 2026-11-24")); added != want {
			t.Errorf("the night's task was added: %v, the %d. time", added, i+1)
		}
	}
}

// testJourneyTasks: a task of a name is asked for once, and begins when it was said first; who holds it keeps it.
func testJourneyTasks(t *testing.T, s, other *control.Store, clock *controltest.Clock) {
	ctx := t.Context()
	for _, after := range []time.Duration{10 * time.Minute, time.Hour} {
		if err := s.AddJourneys(ctx, "journeys of a night", after); err != nil {
			t.Fatal(err)
		}
	}
	clock.Advance(9 * time.Minute)
	if early := must[*control.Task](t)(s.TakeTask(ctx, time.Minute)); early != nil {
		t.Fatalf("%+v begins early", early)
	}
	clock.Advance(2 * time.Minute)
	task := must[*control.Task](t)(s.TakeTask(ctx, time.Minute))
	if task == nil || task.Kind != control.JourneysTask || task.Body.Anew {
		t.Fatalf("took %+v", task)
	}
	task.Progress.Doing = "it"
	for range 3 {
		if err := s.HoldTask(ctx, task, time.Minute); err != nil {
			t.Fatal(err)
		}
		clock.Advance(50 * time.Second)
		if taken := must[*control.Task](t)(other.TakeTask(ctx, time.Minute)); taken != nil {
			t.Fatal("it is taken from who holds it")
		}
	}
	if got := must[control.Task](t)(s.Task(ctx, task.ID)); got.Progress.Doing != "it" {
		t.Errorf("it is %+v", got)
	}
	task.Finished = true
	if err := s.SaveTask(ctx, task, 0); err != nil {
		t.Fatal(err)
	}
	asked := must[control.Task](t)(s.RequestJourneys(ctx))
	clock.Advance(3 * time.Second)
	if got := must[*control.Task](t)(s.TakeTask(ctx, time.Minute)); got == nil || got.ID != asked.ID || !got.Body.Anew {
		t.Errorf("took %+v, asked for %+v", got, asked)
	}
}

// testDatedBack: settings that are dated back hold instead of all that were
// saved before, from that moment on, in every process.
func testDatedBack(t *testing.T, dsn string) {
	ctx := t.Context()
	clock := controltest.NewClock()
	keys := controltest.Keys(t)
	s := controltest.Open(t, dsn, control.Options{Now: clock.Now, Keys: keys})
	ann := controltest.NewOwner(t, s, "ann@example.com")
	var saved []schema.Settings
	set := schema.DefaultSettings()
	for hours := range 3 {
		clock.Advance(24 * time.Hour)
		set.Timeout = time.Duration(hours+1) * time.Hour
		set = must[schema.Settings](t)(s.SaveSettings(ctx, ann, set))
		saved = append(saved, set)
	}
	other := controltest.Open(t, dsn, control.Options{Keys: keys, Poll: 10 * time.Millisecond})
	from := saved[0].From.Add(time.Hour)
	back, differs, err := s.DateSettings(ctx, control.Operator(ann.Workspace), from)
	if err != nil || !differs || back.Version != 5 || back.From != from || back.Timeout != 3*time.Hour {
		t.Fatalf("dated back it is %+v, %v, %v", back, differs, err)
	}
	if _, differs, err = s.DateSettings(ctx, control.Operator(ann.Workspace), from.Add(time.Hour)); err != nil || differs {
		t.Fatalf("once more: %v, %v", differs, err)
	}
	controltest.Within(t, "the other process knows it", func() bool {
		w, _ := other.Directory().Workspace(ann.Workspace)
		return w.At(from).Version == 5
	})
	for _, store := range []*control.Store{s, other} {
		w, _ := store.Directory().Workspace(ann.Workspace)
		for at, want := range map[schema.Millis]uint32{0: 1, from - 1: 2, from: 5, saved[1].From: 5, saved[2].From + 1: 5} {
			if got := w.At(at).Version; got != want {
				t.Errorf("at %d version %d is in force, want %d", at, got, want)
			}
		}
	}
	next := must[schema.Settings](t)(s.SaveSettings(ctx, ann, back))
	w, _ := s.Directory().Workspace(ann.Workspace)
	if got := w.At(next.From); got.Version != 6 || w.At(next.From-1).Version != 5 {
		t.Errorf("the version saved afterwards: %+v", got)
	}
}
