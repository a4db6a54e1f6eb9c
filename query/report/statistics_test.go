package report

import (
	"math"
	"slices"
	"testing"
)

func near(a, b float64) bool { return math.Abs(a-b) < 5e-4*math.Max(1, math.Abs(b)) }

// The figures are those of textbooks: R. A. Fisher's lady tasting tea (two-sided
// 0.4857), a table of Agresti's (Categorical Data Analysis, aspirin and heart
// attacks: odds ratio 1.832, 1.440 to 2.331), and Wilson's interval of 1 of 10.
func TestStatistics(t *testing.T) {
	if got := (fourfold{3, 1, 1, 3}).fisher(); !near(got, 0.4857) {
		t.Errorf("Fisher: %g", got)
	}
	aspirin := fourfold{189, 10845, 104, 10933}
	if ratio, low, high := aspirin.odds(); !near(ratio, 1.8321) || !near(low, 1.4400) || !near(high, 2.3308) {
		t.Errorf("odds ratio %g, %g to %g", ratio, low, high)
	}
	if got := aspirin.chance(); got > 1e-6 || got < 1e-7 {
		t.Errorf("Pearson: %g", got)
	}
	if exact, approximate := aspirin.fisher(), aspirin.chance(); exact/approximate > 2 || exact/approximate < .5 {
		t.Errorf("Fisher %g and Pearson %g are far apart", exact, approximate)
	}
	if low, high := wilson(1, 10); !near(low, 0.01787) || !near(high, 0.40415) {
		t.Errorf("Wilson: %g to %g", low, high)
	}
	if ratio, _, _ := (fourfold{5, 0, 0, 5}).odds(); !near(ratio, 121) {
		t.Errorf("an empty cell: %g", ratio)
	}
	if got := (fourfold{0, 0, 3, 4}).chance(); got != 1 {
		t.Errorf("nobody with it: %g", got)
	}
	if got := holm([]float64{0.04, 0.01, 0.03}); !slices.EqualFunc(got, []float64{0.06, 0.03, 0.06}, near) {
		t.Errorf("Holm: %v", got)
	}
}
