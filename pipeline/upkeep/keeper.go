package upkeep

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"sourceloop/control"
	"sourceloop/schema"
)

// Store keeps tasks; *control.Store does.
type Store interface {
	AddNightly(ctx context.Context, name string) (added bool, err error)
	AddJourneys(ctx context.Context, name string, after time.Duration) error
	TakeTask(ctx context.Context, lease time.Duration) (*control.Task, error)
	HoldTask(ctx context.Context, task *control.Task, lease time.Duration) error
	SaveTask(ctx context.Context, task *control.Task, after time.Duration) error
	TakeChore(ctx context.Context, name string, every time.Duration) (mine bool, err error)
	ForgetDeliveries(ctx context.Context) error
	Erasing
}

// Erasing keeps what an erasure is about.
type Erasing interface {
	ErasureWork(ctx context.Context, task *control.Task) (*schema.Erase, error)
	NameErased(ctx context.Context, task *control.Task, work *schema.Erase) error
	FinishErasure(ctx context.Context, task *control.Task, work *schema.Erase) error
	// ErasePushes forgets what goes to advertising platforms, and tells by
	// platform what is there already.
	ErasePushes(ctx context.Context, workspace uint32, contacts, conversions []schema.ID) (map[string]control.ErasedPushes, error)
}

// Log is where orders go.
type Log interface {
	Append(ctx context.Context, topic string, keys, values [][]byte) error
}

// Steps reads how far the owners have come, and what waits for them.
type Steps interface {
	Steps(ctx context.Context, task schema.ID) ([]schema.TaskStep, error)
	// Partitions are those of hits with visitors of a workspace, 0 is any: with
	// all of them, or with those that wait for a re-derivation.
	Partitions(ctx context.Context, workspace uint32, late bool, partitions int32) ([]int32, error)
}

// People knows who is who, and deletes for good.
type People interface {
	// Owner is the contact that a node belongs to now, or zero.
	Owner(ctx context.Context, workspace uint32, node schema.Node) (schema.ID, error)
	// Contact is a contact, or the one it became part of, with every id it had.
	Contact(ctx context.Context, workspace uint32, id schema.ID) (*schema.Contact, []schema.ID, error)
	// Browsers are those that are a contact's, if only at times.
	Browsers(ctx context.Context, workspace uint32, contact schema.ID) ([]schema.Identity, error)
	// Conversions are those that are, or were, of some contacts.
	Conversions(ctx context.Context, workspace uint32, contacts []schema.ID) ([]schema.ID, error)
	// Traits hands over whom hits name, each combination once.
	Traits(ctx context.Context, workspace uint32, yield func(*schema.Hit)) error
	// ApplyDeletions takes what was deleted off the disk.
	ApplyDeletions(ctx context.Context) error
}

// Journeys keeps the copies of sessions that funnels read, which no answer
// depends on.
type Journeys interface {
	// CopyJourneys copies what is new, and again what was copied before a
	// moment; 0 is never. It may take hours.
	CopyJourneys(ctx context.Context, since schema.Millis) error
}

// Workspaces lists all workspaces.
type Workspaces interface {
	Workspaces() []*schema.Workspace
}

// Config is what a Keeper needs.
type Config struct {
	Store      Store
	Log        Log
	Steps      Steps
	People     People
	Journeys   Journeys
	Workspaces Workspaces
	// Nightly is when, after midnight UTC, what came late is derived anew, and
	// journeys are looked after; less than zero is never.
	Nightly time.Duration
	// Every is how often tasks are looked for. Default one second.
	Every time.Duration
	// Now is the clock. Default time.Now.
	Now  func() time.Time
	Slog *slog.Logger
}

// lease is how long a task stays with a process that may have died.
const lease = time.Minute

// often is how many times in Every a task that is under way is looked at.
const often = 5

// Keeper does the tasks. Several processes may each run one.
type Keeper struct {
	config Config
	night  string // the last one that was looked after
	busy   bool   // a task is under way
	copier copier
}

// New makes a keeper.
func New(config Config) *Keeper {
	if config.Every <= 0 {
		config.Every = time.Second
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Slog == nil {
		config.Slog = slog.New(slog.DiscardHandler)
	}
	return &Keeper{config: config}
}

// Run works until ctx ends. What fails is tried again. While a task is under
// way it is looked at more often.
func (k *Keeper) Run(ctx context.Context) error {
	defer k.copier.Wait()
	next := time.NewTimer(k.config.Every)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-next.C:
		}
		k.busy = false
		if err := k.Work(ctx); err != nil && ctx.Err() == nil {
			k.config.Slog.Warn("rebuilds and nightly work could not go on; trying again", "err", err)
		}
		if next.Reset(k.config.Every); k.busy {
			next.Reset(k.config.Every / often)
		}
	}
}

// Work asks for the nightly task when it is time, forgets what is old, and takes every task that is
// due one step further.
func (k *Keeper) Work(ctx context.Context) error {
	if err := k.askNightly(ctx); err != nil {
		return err
	}
	if err := k.forget(ctx); err != nil {
		return err
	}
	for ctx.Err() == nil {
		task, err := k.config.Store.TakeTask(ctx, lease)
		if err != nil || task == nil {
			return err
		}
		if err := k.advance(ctx, task); err != nil {
			return fmt.Errorf("cannot go on with task %d: %w", task.ID, err)
		}
	}
	return nil
}

// askNightly asks for the night's tasks once it is time, also when nobody ran at
// that time. A night in which nothing waits needs no re-derivation.
func (k *Keeper) askNightly(ctx context.Context) error {
	if k.config.Nightly < 0 {
		return nil
	}
	night := k.config.Now().UTC().Add(-k.config.Nightly).Format(time.DateOnly)
	if night == k.night {
		return nil
	}
	waiting, err := k.config.Steps.Partitions(ctx, 0, true, schema.HitsPartitions)
	if err != nil {
		return err
	}
	if len(waiting) > 0 {
		if _, err := k.config.Store.AddNightly(ctx, "late "+night); err != nil {
			return err
		}
	}
	if err := k.config.Store.AddJourneys(ctx, "journeys of "+night, settled); err != nil {
		return err
	}
	k.night = night
	return nil
}

// atOnce is how many parts of a phase are under way at a time. Their owners
// compete with what arrives, and with each other for ClickHouse.
const atOnce = 4

// phase is a stretch of a task in which the same order goes to several owners.
type phase struct {
	doing string
	// begin is when the phase may begin; nil: at once.
	begin func(task *control.Task) time.Time
	// parts are those that have something to do, by name.
	parts func(ctx context.Context, task *control.Task) ([]string, error)
	// order appends the order of one part. It may be repeated.
	order func(ctx context.Context, task *control.Task, part string) error
}

func (k *Keeper) phases(kind control.TaskKind) []phase {
	switch kind {
	case control.LateTask:
		return []phase{{doing: "folding in what came late", parts: k.hitParts, order: k.orderHits}}
	case control.RebuildTask:
		return []phase{
			{doing: "deriving sessions", parts: k.hitParts, order: k.orderHits},
			{doing: "crediting conversions", parts: k.leadParts, order: k.orderLeads},
		}
	case control.CreditTask:
		return []phase{{doing: "crediting conversions", parts: k.leadParts, order: k.orderLeads}}
	case control.EraseTask:
		return k.erasing()
	}
	return nil
}

// advance takes a task one step further: it sees which parts are done, and
// orders some of those that wait.
func (k *Keeper) advance(ctx context.Context, task *control.Task) error {
	if task.Kind == control.JourneysTask {
		return k.copyJourneys(ctx, task)
	}
	phases := k.phases(task.Kind)
	if task.Phase >= len(phases) {
		if err := k.askAfter(ctx, task); err != nil {
			return err
		}
		task.Finished = true
		return k.config.Store.SaveTask(ctx, task, 0)
	}
	p, progress := phases[task.Phase], &task.Progress
	if progress.Doing != p.doing {
		if wait := k.until(p, task); wait > 0 {
			return k.config.Store.SaveTask(ctx, task, wait)
		}
		parts, err := p.parts(ctx, task)
		if err != nil {
			return err
		}
		progress.Doing, progress.Parts, progress.Waiting, progress.Running = p.doing, len(parts), parts, nil
	}
	if err := k.watch(ctx, task); err != nil {
		return err
	}
	for len(progress.Waiting) > 0 && len(progress.Running) < atOnce {
		part := progress.Waiting[0]
		if err := p.order(ctx, task, part); err != nil {
			return err
		}
		progress.Waiting, progress.Running = progress.Waiting[1:], append(progress.Running, part)
	}
	k.busy = true
	after := k.config.Every / often
	if len(progress.Running) == 0 {
		task.Phase++
		after = 0
	}
	return k.config.Store.SaveTask(ctx, task, after)
}

// until is how long a phase must wait.
func (k *Keeper) until(p phase, task *control.Task) time.Duration {
	if p.begin == nil {
		return 0
	}
	return p.begin(task).Sub(k.config.Now())
}

// watch sees which parts are done, and adds up what was done in all.
func (k *Keeper) watch(ctx context.Context, task *control.Task) error {
	steps, err := k.config.Steps.Steps(ctx, task.Run)
	if err != nil {
		return err
	}
	done := make(map[string]bool, len(steps))
	task.Progress.Counts = make(map[string]uint64)
	for _, s := range steps {
		if done[s.Part] = s.Done; strings.Contains(s.Part, again) {
			continue
		}
		for name, n := range s.Counts {
			task.Progress.Counts[name] += n
		}
	}
	task.Progress.Running = slices.DeleteFunc(task.Progress.Running, func(part string) bool { return done[part] })
	return nil
}
