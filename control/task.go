package control

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"sourceloop/schema"
)

// TaskKind is what a task does.
type TaskKind string

// The kinds of tasks.
const (
	LateTask    TaskKind = "late"    // derives sessions anew of visitors with late hits
	RebuildTask TaskKind = "rebuild" // derives sessions and credits anew
	CreditTask  TaskKind = "credit"  // credits conversions anew
	// JourneysTask copies sessions into the table journeys, of all workspaces.
	JourneysTask TaskKind = "journeys"
)

// keepTasks is how long a nightly task, and one that copies journeys, is kept
// after its end. Others are kept for ever: they say who changed the past.
const keepTasks = 90 * 24 * time.Hour

// applyAfter is how long after a task was asked for it begins: by then every
// process follows the settings that were saved with it.
const applyAfter = 2 * time.Second

// TaskBody says what a task is about. It holds nothing personal.
type TaskBody struct {
	Late bool          `json:"late,omitempty"`
	Anew bool          `json:"anew,omitempty"` // of journeys: also what was copied
	From schema.Millis `json:"from,omitempty"` // visitors with a hit in [From, To); 0 is no bound
	To   schema.Millis `json:"to,omitempty"`
}

// TaskProgress says how far a task has come.
type TaskProgress struct {
	Doing   string            `json:"doing,omitempty"`   // the present phase in words
	Parts   int               `json:"parts,omitempty"`   // of this phase
	Waiting []string          `json:"waiting,omitempty"` // parts that were not begun
	Running []string          `json:"running,omitempty"` // parts under way
	Counts  map[string]uint64 `json:"counts,omitempty"`

	Failures int           `json:"failures,omitempty"` // of a copy of journeys: how often it was tried in vain
	Since    schema.Millis `json:"since,omitempty"`    // of an erasure: when everybody was told, or when it was hidden
	Hidden   bool          `json:"hidden,omitempty"`   // of an erasure: nobody sees it any more
	Receipt  []string      `json:"receipt,omitempty"`  // what was done where, in words
}

// Done is how many parts of the phase are done.
func (p *TaskProgress) Done() int { return p.Parts - len(p.Waiting) - len(p.Running) }

// Task is work on what is stored.
type Task struct {
	ID         int64
	Run        schema.ID // what the pipeline calls it
	Kind       TaskKind
	Workspace  uint32 // 0: all
	Body       TaskBody
	Phase      int
	Finished   bool
	Progress   TaskProgress
	CreatedAt  schema.Millis
	FinishedAt schema.Millis // 0 until then
	lease      []byte
}

// RequestRebuild asks for sessions and credits to be derived anew. Only an
// operator may: it is work for the whole pipeline.
func (s *Store) RequestRebuild(ctx context.Context, workspace uint32, body TaskBody) (Task, error) {
	kind := RebuildTask
	if body.Late {
		kind = LateTask
	}
	var task Task
	err := s.update(ctx, "ask for a rebuild", func(t *tx) (err error) {
		task, _, err = t.addTask(ctx, "", kind, workspace, body, 0)
		return err
	})
	return task, err
}

// Rebuild asks for the sessions and credits of the principal's workspace to be
// derived anew, of visitors with a hit since from. The settings of now hold since
// then, unless those of each time are to be kept.
func (s *Store) Rebuild(ctx context.Context, who Principal, from schema.Millis, keep bool) (Task, error) {
	const op = "derive the past anew"
	if err := who.Require(op, ManageSettings); err != nil {
		return Task{}, err
	}
	if !keep {
		if _, _, err := s.DateSettings(ctx, who, from); err != nil {
			return Task{}, err
		}
	}
	var task Task
	err := s.update(ctx, op, func(t *tx) (err error) {
		if task, _, err = t.addTask(ctx, "", RebuildTask, who.Workspace, TaskBody{From: from}, who.User); err != nil {
			return err
		}
		return t.audit(ctx, who, "past derived anew", fmt.Sprintf("task %d", task.ID))
	})
	return task, err
}

// Rebuilds are the newest tasks that derive a part of the workspace's past anew,
// the newest first.
func (s *Store) Rebuilds(ctx context.Context, who Principal, limit int) ([]Task, error) {
	const op = "list what is derived anew"
	if err := who.Require(op, Read); err != nil {
		return nil, err
	}
	var all []Task
	for _, kind := range []TaskKind{RebuildTask, CreditTask} {
		some, err := s.tasksOf(ctx, who.Workspace, kind, limit)
		if err != nil {
			return nil, failed(op, err)
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b Task) int { return int(b.ID - a.ID) })
	return all[:min(len(all), limit)], nil
}

func (s *Store) tasksOf(ctx context.Context, workspace uint32, kind TaskKind, limit int) ([]Task, error) {
	var all []Task
	err := s.reader().each(ctx, "tasks_of", []any{int64(workspace), string(kind), int64(limit)}, func(scan func(...any) error) error {
		var task Task
		err := task.scan(scan)
		all = append(all, task)
		return err
	})
	return all, err
}

// AddNightly asks for the re-derivation of what came late, once for every
// name. It tells whether the name was new.
func (s *Store) AddNightly(ctx context.Context, name string) (added bool, err error) {
	err = s.update(ctx, "ask for the nightly re-derivation", func(t *tx) (err error) {
		_, added, err = t.addTask(ctx, name, LateTask, 0, TaskBody{Late: true}, 0)
		return err
	})
	return added, err
}

// RequestJourneys asks for all sessions that rest to be copied into journeys.
func (s *Store) RequestJourneys(ctx context.Context) (Task, error) {
	var task Task
	err := s.update(ctx, "ask for a copy of journeys", func(t *tx) (err error) {
		task, _, err = t.addTask(ctx, "", JourneysTask, 0, TaskBody{Anew: true}, 0)
		return err
	})
	return task, err
}

// AddJourneys asks for the upkeep of the table journeys after a while, once for
// every name.
func (s *Store) AddJourneys(ctx context.Context, name string, after time.Duration) error {
	return s.update(ctx, "ask for the upkeep of journeys", func(t *tx) error {
		task, _, err := t.addTask(ctx, name, JourneysTask, 0, TaskBody{}, 0)
		if err == nil {
			_, err = t.exec(ctx, "task_delay", task.ID, int64(t.now.Add(after)))
		}
		return err
	})
}

func (t *tx) addTask(ctx context.Context, name string, kind TaskKind, workspace uint32, body TaskBody, by int64) (Task, bool, error) {
	id, err := t.serial(ctx, "tasks")
	if err != nil {
		return Task{}, false, err
	}
	text, err := json.Marshal(body)
	if err != nil {
		return Task{}, false, err
	}
	run := schema.Derive("task", fmt.Sprint(id), newSecret(""))
	if name == "" {
		name = run.String()
	}
	task := Task{ID: id, Run: run, Kind: kind, Workspace: workspace, Body: body, CreatedAt: t.now}
	made, err := t.exec(ctx, "task_insert", id, name, run[:], string(kind), int64(workspace), string(text), int64(t.now), by,
		int64(t.now.Add(applyAfter)), []byte{})
	return task, made > 0, err
}

// TakeTask takes the oldest task that is due, or nil. For as long as lease
// nobody else gets it.
func (s *Store) TakeTask(ctx context.Context, lease time.Duration) (*Task, error) {
	const op = "take a task"
	mark := []byte(newSecret(""))
	var task *Task
	err := s.update(ctx, op, func(t *tx) error {
		return t.each(ctx, "task_take", []any{int64(t.now), int64(t.now.Add(lease)), mark}, func(scan func(...any) error) error {
			task = &Task{lease: mark}
			return task.scan(scan)
		})
	})
	return task, err
}

// HoldTask saves the progress of a task and keeps it, for as long as lease from
// now. A lease that was lost meanwhile is no error.
func (s *Store) HoldTask(ctx context.Context, task *Task, lease time.Duration) error {
	const op = "hold a task"
	progress, err := json.Marshal(task.Progress)
	if err != nil {
		return failed(op, err)
	}
	return s.update(ctx, op, func(t *tx) error {
		_, err := t.exec(ctx, "task_hold", task.ID, task.lease, string(progress), int64(t.now.Add(lease)))
		return err
	})
}

// SaveTask gives a task back, to be taken again after a while unless it is
// finished. A lease that was lost meanwhile is no error: whoever has it repeats
// the phase.
func (s *Store) SaveTask(ctx context.Context, task *Task, after time.Duration) error {
	const op = "save a task"
	progress, err := json.Marshal(task.Progress)
	if err != nil {
		return failed(op, err)
	}
	return s.update(ctx, op, func(t *tx) error {
		state, finished := "open", schema.Millis(0)
		if task.Finished {
			state, finished = "done", t.now
		}
		_, err := t.exec(ctx, "task_save", task.ID, task.lease, int64(task.Phase), state, string(progress),
			int64(t.now.Add(after)), int64(finished), []byte{})
		return err
	})
}

// Task reads a task.
func (s *Store) Task(ctx context.Context, id int64) (Task, error) {
	const op = "read a task"
	var task Task
	found, err := false, error(nil)
	err = s.reader().each(ctx, "task_get", []any{id}, func(scan func(...any) error) error {
		found = true
		return task.scan(scan)
	})
	if err == nil && !found {
		return task, schema.E(op, schema.KindUnknown, "There is no task %d.", id)
	}
	return task, failed(op, err)
}

func (task *Task) scan(scan func(...any) error) error {
	var run []byte
	var workspace, phase, created, finished int64
	var kind, body, state, progress string
	if err := scan(&task.ID, &run, &kind, &workspace, &body, &phase, &state, &progress, &created, &finished); err != nil {
		return err
	}
	id, err := schema.IDFromBytes(run)
	if err != nil {
		return err
	}
	task.Run, task.Kind, task.Workspace, task.Phase = id, TaskKind(kind), uint32(workspace), int(phase)
	task.CreatedAt, task.FinishedAt, task.Finished = schema.Millis(created), schema.Millis(finished), state == "done"
	if err := json.Unmarshal([]byte(body), &task.Body); err != nil {
		return fmt.Errorf("cannot read task %d: %w", task.ID, err)
	}
	if err := json.Unmarshal([]byte(progress), &task.Progress); err != nil {
		return fmt.Errorf("cannot read the progress of task %d: %w", task.ID, err)
	}
	return nil
}
