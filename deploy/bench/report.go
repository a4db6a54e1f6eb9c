package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
)

// Row is one comparison. Higher is better: Ratio, which is Ours divided by Baseline, passes at Target.
type Row struct {
	Name     string  `json:"name"`
	Ours     float64 `json:"ours"`
	Baseline float64 `json:"baseline"`
	Ratio    float64 `json:"ratio"`
	Target   float64 `json:"target"`
}

// Report is what one area prints.
type Report struct {
	Rows []Row `json:"rows"`
	// Notes are limits, costs and absolute figures, by a name that holds the unit.
	Notes map[string]any `json:"notes"`
}

func newReport() *Report { return &Report{Rows: []Row{}, Notes: map[string]any{}} }

// add puts a row into the report.
func (r *Report) add(name string, ours, baseline, target float64) {
	r.Rows = append(r.Rows, Row{Name: name, Ours: round(ours), Baseline: round(baseline), Ratio: round(ours / baseline), Target: target})
}

// note keeps a figure that is no comparison.
func (r *Report) note(name string, value any) {
	if f, ok := value.(float64); ok {
		value = round(f)
	}
	r.Notes[name] = value
}

// round keeps four digits, which is more than a measurement has.
func round(f float64) float64 {
	if f == 0 || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	unit := math.Pow(10, math.Ceil(math.Log10(math.Abs(f)))-4)
	if unit < 1 {
		return math.Round(f*math.Round(1/unit)) / math.Round(1/unit)
	}
	return math.Round(f/unit) * unit
}

// WriteJSON prints the report for programs.
func (r *Report) WriteJSON(to io.Writer) error {
	e := json.NewEncoder(to)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("cannot write the report: %w", err)
	}
	return nil
}

// WriteText prints the report for people.
func (r *Report) WriteText(to io.Writer) error {
	for _, row := range r.Rows {
		verdict := "ok"
		if row.Ratio < row.Target {
			verdict = "MISSED"
		}
		if _, err := fmt.Fprintf(to, "%-60s %12.6g / %-12.6g = %6.3g  (target %g) %s\n", row.Name, row.Ours, row.Baseline, row.Ratio, row.Target, verdict); err != nil {
			return fmt.Errorf("cannot write the report: %w", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Notes)) {
		if _, err := fmt.Fprintf(to, "  %-58s %v\n", name, r.Notes[name]); err != nil {
			return fmt.Errorf("cannot write the report: %w", err)
		}
	}
	return nil
}

// median is the middle of some measurements, 0 of none.
func median(of []float64) float64 { return quantile(of, 0.5) }

// quantile is the measurement below which a part q of all lie, 0 of none.
func quantile(of []float64, q float64) float64 {
	if len(of) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(of))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}
