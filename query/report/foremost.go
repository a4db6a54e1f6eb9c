package report

import (
	"container/heap"
	"slices"
)

// foremost holds of what it is offered the first n in an order; all where n is 0.
type foremost[T any] struct {
	n       int
	compare func(a, b *T) int
	all     []T // once it is full a heap, on top of which is the last of them
}

// offer holds one more. Once there are n, the last of all is given back.
func (f *foremost[T]) offer(one T) (left T, full bool) {
	if f.n == 0 || len(f.all) < f.n {
		if f.all = append(f.all, one); len(f.all) == f.n {
			heap.Init(f)
		}
		return left, false
	}
	if f.compare(&one, &f.all[0]) >= 0 {
		return one, true
	}
	left, f.all[0] = f.all[0], one
	heap.Fix(f, 0)
	return left, true
}

// sorted gives them in their order; after that nothing is offered any more.
func (f *foremost[T]) sorted() []T {
	slices.SortFunc(f.all, func(a, b T) int { return f.compare(&a, &b) })
	return f.all
}

// Len, Less, Swap, Push and Pop are those of heap.Interface.
func (f *foremost[T]) Len() int           { return len(f.all) }
func (f *foremost[T]) Less(i, j int) bool { return f.compare(&f.all[i], &f.all[j]) > 0 }
func (f *foremost[T]) Swap(i, j int)      { f.all[i], f.all[j] = f.all[j], f.all[i] }
func (f *foremost[T]) Push(one any)       { f.all = append(f.all, one.(T)) }
func (f *foremost[T]) Pop() any {
	last := f.all[len(f.all)-1]
	f.all = f.all[:len(f.all)-1]
	return last
}
