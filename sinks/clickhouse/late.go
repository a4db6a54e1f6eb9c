package clickhouse

import (
	"context"

	"github.com/ClickHouse/ch-go/proto"
	driver "github.com/ClickHouse/clickhouse-go/v2"
	chdriver "github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// lateBlock fills the columns of the table late_visitors.
type lateBlock struct {
	prepared

	workspace proto.ColUInt32
	visitor   proto.ColStr
	version   proto.ColUInt64
	deleted   proto.ColUInt8
}

func newLateBlock() *lateBlock {
	b := &lateBlock{}
	b.prepared = prepare("late_visitors", proto.Input{
		{Name: "workspace", Data: &b.workspace}, {Name: "visitor", Data: &b.visitor},
		{Name: "version", Data: &b.version}, {Name: "is_deleted", Data: &b.deleted},
	})
	return b
}

func (b *lateBlock) fill(batches []*Batch) {
	b.input.Reset()
	for _, batch := range batches {
		for _, row := range batch.Late {
			b.workspace.Append(row.Workspace)
			b.visitor.Append(row.Visitor)
			b.version.Append(row.Version)
			b.deleted.Append(flag(row.Done))
		}
	}
}

// Selection says which visitors of one partition of the topic hits to pick.
type Selection struct {
	Partition, Partitions int32
	Workspace             uint32        // 0: of all
	Late                  bool          // only those that wait in late_visitors
	From, To              schema.Millis // only those with a hit in [From, To); 0 is no bound
	After                 Visitor       // only those behind this one
	Limit                 int           // how many at most
	Hits                  int           // how many hits they have together at most, unless one has more
}

// Pick gives the next visitors of a partition in the order of workspace and id,
// and tells whether there may be more.
func (s *Sink) Pick(ctx context.Context, q Selection) (visitors []Visitor, more bool, err error) {
	statement := "rebuild_visitors"
	if q.Late {
		statement = "late_visitors"
	}
	hits, seen := 0, 0
	err = s.each(ctx, statement, func(rows chdriver.Rows) error {
		var v Visitor
		var count uint64
		err := rows.Scan(&v.Workspace, &v.ID, &count)
		seen++
		if hits += int(count); len(visitors) == 0 || hits <= q.Hits {
			visitors = append(visitors, v)
		} else {
			hits = q.Hits + 1 // Whoever comes after the first left out is left out, too.
		}
		return err
	}, driver.Named("partition", q.Partition), driver.Named("partitions", q.Partitions), driver.Named("workspace", q.Workspace),
		driver.Named("after_workspace", q.After.Workspace), driver.Named("after_visitor", q.After.ID),
		driver.Named("from", int64(q.From)), driver.Named("to", int64(q.To)), driver.Named("limit", uint32(q.Limit)))
	return visitors, seen == q.Limit || seen > len(visitors), err
}

// Partitions gives those of the topic hits, of so many, that have visitors of a
// workspace, of any when it is 0: all visitors, or those that wait for their
// sessions to be derived anew.
func (s *Sink) Partitions(ctx context.Context, workspace uint32, late bool, partitions int32) ([]int32, error) {
	statement := "hit_partitions"
	if late {
		statement = "late_partitions"
	}
	var all []int32
	err := s.each(ctx, statement, func(rows chdriver.Rows) error {
		var p int32
		err := rows.Scan(&p)
		all = append(all, p)
		return err
	}, driver.Named("partitions", partitions), driver.Named("workspace", workspace))
	return all, err
}

// NoteStep says how far one part of a task has come.
func (s *Sink) NoteStep(ctx context.Context, step *schema.TaskStep) error {
	batch, err := s.conn.PrepareBatch(ctx, "INSERT INTO task_steps (task, part, step, done, at, counts)")
	if err != nil {
		return explain("note a step", err)
	}
	counts := step.Counts
	if counts == nil {
		counts = map[string]uint64{}
	}
	if err := batch.Append(string(step.Task[:]), step.Part, step.Step, step.Done, step.At.Time(), counts); err != nil {
		return explain("note a step", err)
	}
	return explain("note a step", batch.Send())
}

// Steps gives the newest step of every part of a task.
func (s *Sink) Steps(ctx context.Context, task schema.ID) ([]schema.TaskStep, error) {
	var steps []schema.TaskStep
	err := s.each(ctx, "task_steps", func(rows chdriver.Rows) error {
		step := schema.TaskStep{Task: task}
		err := rows.Scan(&step.Part, &step.Step, &step.Done, (*int64)(&step.At), &step.Counts)
		steps = append(steps, step)
		return err
	}, driver.Named("task", task.String()))
	return steps, err
}
