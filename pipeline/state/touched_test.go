package state_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"sourceloop/pipeline/state"
)

func TestTouchedValuesAreFoundAndDropped(t *testing.T) {
	each(t, func(t *testing.T, s *state.Store) {
		ctx := t.Context()
		o, err := s.Claim(ctx, "h7", time.Unix(1000, 0), func(context.Context) (uint32, error) { return 0, nil })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.Settle(ctx, 0); err != nil {
			t.Fatal(err)
		}
		for day, keys := range map[int32][]string{12: {"a", "b"}, 9: {"b", "c", "never stored"}} {
			if err := o.Touch(ctx, day, keys); err != nil {
				t.Fatal(err)
			}
		}
		values := []state.Pair{{Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte("2")}, {Key: "c", Value: []byte("3")}}
		if err := o.Save(ctx, 1, 1, values, nil); err != nil {
			t.Fatal(err)
		}
		if days, err := o.Days(ctx); err != nil || !slices.Equal(days, []int32{9, 12}) {
			t.Errorf("the days are %v, %v", days, err)
		}
		keys, err := o.TouchedOn(ctx, 9, 100)
		slices.Sort(keys)
		if err != nil || !slices.Equal(keys, []string{"b", "c", "never stored"}) {
			t.Errorf("on day 9 %v were touched, %v", keys, err)
		}
		if o.Cold() {
			t.Error("the partition is cold before anything is dropped")
		}
		if err := o.Drop(ctx, 9, keys, []string{"c"}); err != nil {
			t.Fatal(err)
		}
		got, err := o.Get(ctx, []string{"a", "b", "c"})
		if err != nil || string(got[0]) != "1" || string(got[1]) != "2" || got[2] != nil || !o.Cold() {
			t.Errorf("afterwards there are %q, cold %v, %v", got, o.Cold(), err)
		}
		if days, err := o.Days(ctx); err != nil || !slices.Equal(days, []int32{12}) {
			t.Errorf("afterwards the days are %v, %v", days, err)
		}
		next := claim(t, s, 1)
		if !next.Cold() {
			t.Error("the next owner does not know that values are missing")
		}
		if err := o.Touch(ctx, 13, []string{"a"}); !errors.Is(err, state.ErrFenced) {
			t.Errorf("who is the owner no more touches: %v", err)
		}
		if err := o.Drop(ctx, 12, nil, []string{"a"}); !errors.Is(err, state.ErrFenced) {
			t.Errorf("who is the owner no more drops: %v", err)
		}
	})
}
