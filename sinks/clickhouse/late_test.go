package clickhouse_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"sourceloop/pipeline/stream"
	"sourceloop/schema"
	sink "sourceloop/sinks/clickhouse"
)

// Every visitor is picked once, in order, by the owner of the partition that
// its hits are in, however few are picked at a time.
func TestPickingPassesEveryVisitorOnce(t *testing.T) {
	const partitions, visitors = 4, 60
	e := open(t)
	b := &sink.Batch{}
	want := make([][]sink.Visitor, partitions)
	for i := range visitors {
		v := sink.Visitor{Workspace: uint32(1 + i%2), ID: fmt.Sprintf("visitor-%03d", i)}
		p := stream.Partition(schema.HitKey(v.Workspace, v.ID), partitions)
		want[p] = append(want[p], v)
		for n := range 1 + i%5 {
			b.Hits = append(b.Hits, hit(v.Workspace, v.ID, i*100+n))
		}
	}
	if err := e.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for p := range int32(partitions) {
		slices.SortFunc(want[p], func(a, b sink.Visitor) int { return compareVisitors(a, b) })
		for _, q := range []sink.Selection{{Limit: 7, Hits: 1000}, {Limit: 1000, Hits: 6}, {Limit: 1, Hits: 1}} {
			q.Partition, q.Partitions = p, partitions
			if got := pickAll(t, e, q); !reflect.DeepEqual(got, want[p]) {
				t.Errorf("partition %d, %+v: got %v, want %v", p, q, got, want[p])
			}
		}
	}
	if got, err := e.Partitions(t.Context(), 1, false, partitions); err != nil || !slices.Equal(got, []int32{0, 1, 2, 3}) {
		t.Errorf("hits are in %v, %v", got, err)
	}
	ranged := sink.Selection{Partitions: 1, Workspace: 1, From: begin + 200, To: begin + 401, Limit: 10, Hits: 1000}
	if got := fmt.Sprint(pickAll(t, e, ranged)); got != "[{1 visitor-002} {1 visitor-004}]" {
		t.Errorf("with a hit in the range are %s", got)
	}
}

func compareVisitors(a, b sink.Visitor) int {
	return slices.Compare([]string{fmt.Sprint(a.Workspace), a.ID}, []string{fmt.Sprint(b.Workspace), b.ID})
}

func pickAll(t *testing.T, e *engine, q sink.Selection) []sink.Visitor {
	t.Helper()
	var all []sink.Visitor
	for more := true; more; {
		var some []sink.Visitor
		var err error
		if some, more, err = e.Pick(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		if more && len(some) == 0 {
			t.Fatal("there are more, but none was picked")
		}
		if all = append(all, some...); len(some) > 0 {
			q.After = some[len(some)-1]
		}
	}
	return all
}

func TestLateVisitorsWaitUntilTheyAreDone(t *testing.T) {
	e := open(t)
	write := func(rows ...schema.LateRow) {
		t.Helper()
		if err := e.Write(t.Context(), &sink.Batch{Late: rows}); err != nil {
			t.Fatal(err)
		}
	}
	waiting := func() string {
		return fmt.Sprint(pickAll(t, e, sink.Selection{Partitions: 1, Late: true, Limit: 2, Hits: 100}))
	}
	write(schema.LateRow{Workspace: 1, Visitor: "a", Version: 1}, schema.LateRow{Workspace: 1, Visitor: "b", Version: 2},
		schema.LateRow{Workspace: 1, Visitor: "c", Version: 3})
	write(schema.LateRow{Workspace: 1, Visitor: "b", Version: 5, Done: true})
	write(schema.LateRow{Workspace: 1, Visitor: "b", Version: 4}) // of a former owner, and too late
	if got := waiting(); got != "[{1 a} {1 c}]" {
		t.Errorf("%s wait", got)
	}
	partitions, err := e.Partitions(t.Context(), 0, true, 1000)
	want := []int32{stream.Partition(schema.HitKey(1, "a"), 1000), stream.Partition(schema.HitKey(1, "c"), 1000)}
	slices.Sort(want)
	if err != nil || !slices.Equal(partitions, want) {
		t.Errorf("they wait in %v, want %v, %v", partitions, want, err)
	}
	write(schema.LateRow{Workspace: 1, Visitor: "a", Version: 6, Done: true}, schema.LateRow{Workspace: 1, Visitor: "b", Version: 7})
	if got := waiting(); got != "[{1 b} {1 c}]" {
		t.Errorf("%s wait", got)
	}
}

func TestTheHighestStepStands(t *testing.T) {
	e := open(t)
	task := schema.Derive("task")
	for _, s := range []schema.TaskStep{
		{Task: task, Part: "hits 1", Step: 1, Done: true, At: begin, Counts: map[string]uint64{"visitors": 9}},
		{Task: task, Part: "hits 1", Step: 0, At: begin},
		{Task: task, Part: "hits 2", Step: 0, At: begin, Counts: map[string]uint64{"visitors": 5}},
		{Task: schema.Derive("another"), Part: "hits 1", Step: 7, At: begin},
	} {
		if err := e.NoteStep(t.Context(), &s); err != nil {
			t.Fatal(err)
		}
	}
	got, err := e.Steps(t.Context(), task)
	want := []schema.TaskStep{
		{Task: task, Part: "hits 1", Step: 1, Done: true, At: begin, Counts: map[string]uint64{"visitors": 9}},
		{Task: task, Part: "hits 2", Step: 0, At: begin, Counts: map[string]uint64{"visitors": 5}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
}
