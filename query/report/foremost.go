package report

import "slices"

// foremost holds of what it is offered the first n in an order; all where n is 0.
type foremost[T any] struct {
	n       int
	compare func(a, b *T) int
	all     []T // once it is full, the last one comes first, and none before those at twice its place
}

// offer holds one more. Once there are n, the last of all is given back.
func (f *foremost[T]) offer(one T) (left T, full bool) {
	if f.n == 0 || len(f.all) < f.n {
		if f.all = append(f.all, one); len(f.all) == f.n {
			for i := f.n/2 - 1; i >= 0; i-- {
				f.sink(i)
			}
		}
		return left, false
	}
	if f.compare(&one, &f.all[0]) >= 0 {
		return one, true
	}
	left, f.all[0] = f.all[0], one
	f.sink(0)
	return left, true
}

// sink has one that is before those below it change places with these.
func (f *foremost[T]) sink(i int) {
	for {
		next := 2*i + 1
		if next >= len(f.all) {
			return
		}
		if next+1 < len(f.all) && f.compare(&f.all[next+1], &f.all[next]) > 0 {
			next++
		}
		if f.compare(&f.all[i], &f.all[next]) >= 0 {
			return
		}
		f.all[i], f.all[next] = f.all[next], f.all[i]
		i = next
	}
}

// sorted gives them in their order; after that nothing is offered any more.
func (f *foremost[T]) sorted() []T {
	slices.SortFunc(f.all, func(a, b T) int { return f.compare(&a, &b) })
	return f.all
}
