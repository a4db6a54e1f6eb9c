package attribution_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sourceloop/pipeline/attribution"
)

func path(text string, conversions, missing float64) attribution.Path {
	return attribution.Path{States: strings.Split(text, " > "), Conversions: conversions, Missing: missing}
}

// TestPublishedPaths holds worked examples that others have published, retyped.
func TestPublishedPaths(t *testing.T) {
	for _, c := range []struct {
		source string
		model  attribution.Model
		paths  []attribution.Path
		want   map[string]float64
	}{
		{
			// Removal effects 0.5, 1 and 1, of a conversion with a chance of one third.
			"Sergey Bryl', Marketing Multi-Channel Attribution model with R (part 1: Markov chains concept), analyzecore.com, 2016",
			attribution.Markov,
			[]attribution.Path{path("C1 > C2 > C3", 1, 0), path("C1", 0, 1), path("C2 > C3", 0, 1)},
			map[string]float64{"C1": 0.2, "C2": 0.4, "C3": 0.4},
		},
		{
			// A conversion with a chance of 0.8: without Google Ads 0.2, without mailing 0.4.
			"Serhii Puzyrov, Markov Chain Attribution: Simple Explanation of Removal Effect, serhiipuzyrov.com, 2019",
			attribution.Markov,
			[]attribution.Path{path("google ads", 2, 1), path("mailing", 1, 0), path("google ads > mailing", 1, 0)},
			map[string]float64{"google ads": 0.6, "mailing": 0.4},
		},
	} {
		t.Run(c.source, func(t *testing.T) {
			got, err := attribution.Earned(c.model, c.paths)
			if err != nil || len(got) != len(c.want) {
				t.Fatalf("got %v, %v; want %v", got, err, c.want)
			}
			total := 0.0
			for _, p := range c.paths {
				total += p.Conversions
			}
			for state, want := range c.want {
				if math.Abs(got[state].Conversions/total-want) > 1e-9 {
					t.Errorf("%s has %v, want %v", state, got[state].Conversions/total, want)
				}
			}
		})
	}
}

// TestPublishedGames holds worked examples of Shapley values, retyped.
func TestPublishedGames(t *testing.T) {
	conversions := map[string]float64{"F": 20, "L": 17, "O": 10, "F L": 30, "F O": 17, "L O": 0, "F L O": 6}
	runways := map[string]float64{"A": 8, "B": 11, "C": 13, "D": 18}
	for _, c := range []struct {
		source  string
		players []string
		worth   func(coalition []string) float64
		want    []float64
	}{
		{
			// A coalition is worth what those convert who met nobody else.
			"tomgorb/misc, Data Driven Attribution.ipynb, after Data-Driven Marketing Attribution, towardsdatascience.com: " +
				"Facebook 0.455, LinkedIn 0.34, organic 0.205",
			[]string{"F", "L", "O"},
			func(coalition []string) float64 {
				sum := 0.0
				for set, n := range conversions {
					if !slices.ContainsFunc(strings.Fields(set), func(p string) bool { return !slices.Contains(coalition, p) }) {
						sum += n
					}
				}
				return sum
			},
			[]float64{45.5, 34, 20.5},
		},
		{
			"the airport game, as told in Understanding Marginal Contribution and Shapley Values, stand--sure.blogspot.com, 2015",
			[]string{"A", "B", "C", "D"},
			func(coalition []string) float64 {
				most := 0.0
				for _, p := range coalition {
					most = max(most, runways[p])
				}
				return most
			},
			[]float64{2, 3, 4, 9},
		},
		{
			"the glove game of one left and two right gloves, ibid.",
			[]string{"left", "right 1", "right 2"},
			func(coalition []string) float64 {
				if len(coalition) > 1 && slices.Contains(coalition, "left") {
					return 1
				}
				return 0
			},
			[]float64{2. / 3, 1. / 6, 1. / 6},
		},
	} {
		t.Run(c.players[0], func(t *testing.T) {
			if got := attribution.ShapleyValues(c.players, c.worth); !near(got, c.want) {
				t.Errorf("%s: got %v, want %v", c.source, got, c.want)
			}
		})
	}
}

// TestShapleyValues: on any game they are the mean over all orders, sum to what
// all are worth, are alike for who adds alike, and 0 for who adds nothing.
func TestShapleyValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "players")
		players, bit := []string{}, map[string]int{}
		for i := range n {
			players = append(players, fmt.Sprint("p", i))
			bit[players[i]] = 1 << i
		}
		table := rapid.SliceOfN(rapid.Float64Range(-10, 10), 1<<n, 1<<n).Draw(t, "worth")
		table[0] = 0
		kind := rapid.SampledFrom([]string{"any", "dummy", "alike"}).Draw(t, "kind")
		for set := range table {
			switch {
			case kind == "dummy": // The first adds nothing.
				table[set] = table[set&^1]
			case kind == "alike" && n > 1 && set&3 == 2: // The second is as good as the first.
				table[set] = table[set^3]
			}
		}
		worth := func(coalition []string) float64 {
			set := 0
			for _, p := range coalition {
				set |= bit[p]
			}
			return table[set]
		}
		got := attribution.ShapleyValues(players, worth)
		want, count := make([]float64, n), 0.0
		permute(players, nil, func(order []string) {
			count++
			for i := range order {
				want[slices.Index(players, order[i])] += worth(order[:i+1]) - worth(order[:i])
			}
		})
		sum := 0.0
		for i := range want {
			want[i] /= count
			sum += got[i]
		}
		if !near(got, want) || math.Abs(sum-table[1<<n-1]) > 1e-9 {
			t.Fatalf("got %v, which sum to %v; want %v and %v", got, sum, want, table[1<<n-1])
		}
		if kind == "dummy" && math.Abs(got[0]) > 1e-9 || kind == "alike" && n > 1 && math.Abs(got[0]-got[1]) > 1e-9 {
			t.Fatalf("%s: %v", kind, got)
		}
	})
}

func permute(rest, order []string, each func(order []string)) {
	if len(rest) == 0 {
		each(order)
	}
	for i, p := range rest {
		permute(slices.Delete(slices.Clone(rest), i, i+1), append(slices.Clone(order), p), each)
	}
}

// TestEarned: what states earn sums to the conversions and their value, and
// nothing is negative.
func TestEarned(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		states := []string{"a", "b", "c", "d"}
		var paths []attribution.Path
		conversions, value := 0.0, 0.0
		for range rapid.IntRange(1, 6).Draw(t, "paths") {
			p := attribution.Path{
				States:      rapid.SliceOfN(rapid.SampledFrom(states), 1, 5).Draw(t, "states"),
				Conversions: float64(rapid.IntRange(0, 3).Draw(t, "conversions")), Missing: float64(rapid.IntRange(1, 20).Draw(t, "missing")),
			}
			p.Value = p.Conversions * float64(rapid.IntRange(0, 9).Draw(t, "worth"))
			paths, conversions, value = append(paths, p), conversions+p.Conversions, value+p.Value
		}
		for _, m := range []attribution.Model{attribution.Markov, attribution.Shapley} {
			earned, err := attribution.Earned(m, paths)
			var sum attribution.Amount
			for _, a := range earned {
				sum.Conversions, sum.Value = sum.Conversions+a.Conversions, sum.Value+a.Value
				if a.Conversions < -1e-9 || a.Value < -1e-9 {
					t.Fatalf("%s: %v of %+v", m, earned, paths)
				}
			}
			if err != nil || math.Abs(sum.Conversions-conversions) > 1e-6 || math.Abs(sum.Value-value) > 1e-6 {
				t.Fatalf("%s: %v, %v", m, earned, err)
			}
		}
	})
	if _, err := attribution.Earned(attribution.Linear, nil); err == nil {
		t.Error("linear was taken for a model of paths")
	}
}
