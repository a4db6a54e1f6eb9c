package report

import (
	"context"
	"math"
	"slices"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
)

// What everybody did is many times what the steps are. So where only some people's whole story matters, they are found first, by
// the steps alone, and then everything is read of them and of nobody else.

// mostSessions is how many of them go along with each statement; of visitors go those of its range.
const mostSessions = 1_000_000

// sampled is of how many parts of all visitors one is counted.
const sampled = 16

// narrow has everything be read only of those whose best walk matters. It may leave the source as it is: then it is read whole.
func (s Scoped) narrow(ctx context.Context, f Funnel, source *funnelSource, matters func(*walk) bool) error {
	if len(source.copies) == 0 || source.Contacts || source.Otherwise != 0 {
		return nil // It would take as long to find them.
	}
	steps := source.ofSteps()
	f.Breakdown = ""
	if err := s.findSize(ctx, steps); err != nil {
		return err
	}
	var seers []*noter
	_, err := s.seenFrom(ctx, f, steps, func(*funnelRun) seer {
		n := &noter{walker: f.walker(), order: f.Order, matters: matters}
		seers = append(seers, n)
		return n
	})
	if err != nil {
		return err
	}
	only := []uint64{}
	for _, n := range seers {
		only = append(only, n.noted...)
	}
	if source.Sessions() && len(only) > mostSessions {
		return nil
	}
	slices.Sort(only)
	source.only = only
	return s.findSizeOfOnly(ctx, source)
}

// ofSteps is the same source for what the steps are.
func (f *funnelSource) ofSteps() *funnelSource {
	steps, build, known := *f, *f.funnelBuild, *f.findings
	build.Stream, build.Breakdown = false, false
	steps.funnelBuild, steps.findings = &build, &known
	return &steps
}

// noter notes who matters.
type noter struct {
	walker
	order   Order
	matters func(*walk) bool
	noted   []uint64
}

func (n *noter) see(entity uint64, h []happening) {
	if best, _ := n.best(h, n.order); best.n > 0 && n.matters(&best) {
		n.noted = append(n.noted, entity)
	}
}

// Only tells whether not everybody is read.
func (f *funnelSource) Only() bool { return f.only != nil }

// includes tells whether somebody is read.
func (f *funnelSource) includes(entity uint64) bool {
	if !f.Only() {
		return true
	}
	_, found := slices.BinarySearch(f.only, entity)
	return found
}

// onlyTables go along with a statement about visitors from low up to and including high.
func (f *funnelSource) onlyTables(low, high uint64) []ch.ExternalTable {
	if !f.Only() {
		return nil
	}
	numbers := f.only
	if !f.Sessions() {
		from, _ := slices.BinarySearch(numbers, low)
		to, found := slices.BinarySearch(numbers, high)
		if found {
			to++
		}
		numbers = numbers[from:to]
	}
	if len(numbers) == 0 {
		numbers = []uint64{0} // A table without rows does not go along; whoever is read for nothing does not matter.
	}
	column := proto.ColUInt64(numbers)
	return []ch.ExternalTable{{Name: "only", Data: proto.Input{{Name: "number", Data: &column}}}}
}

// findSizeOfOnly counts what is to be read of those who matter, in one part of all visitors. Where they did most of it they are no narrowing.
func (s Scoped) findSizeOfOnly(ctx context.Context, source *funnelSource) error {
	arguments := source.whichItems(nil)
	high := uint64(math.MaxUint64 / sampled)
	arguments["high"] = high
	var count proto.ColUInt64
	var size uint64
	err := s.columns(ctx, "funnel_size_of_only", source, arguments, proto.Results{{Name: "size", Data: &count}}, func() error {
		for _, n := range count {
			size += n * sampled
		}
		return nil
	}, source.onlyTables(0, high)...)
	if size > source.size/4*3 {
		source.only = nil
		return err
	}
	known := *source.findings // Others use it, too.
	known.size, source.findings = size, &known
	return err
}
