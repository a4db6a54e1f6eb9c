package control_test

import (
	"slices"
	"testing"

	"sourceloop/control"
	"sourceloop/schema"
)

// TestNewestStage: the newest fact counts, in whatever order the nodes come.
func TestNewestStage(t *testing.T) {
	facts := map[schema.Node]control.Stage{
		"email:a@example.com": {Name: "Contacted", At: 10}, "phone:+4930123456": {Name: "Lost", At: 20}, "user:7": {Name: "Converted", At: 20},
	}
	nodes := []schema.Node{"email:a@example.com", "phone:+4930123456", "user:7", "visitor:nobody"}
	for _, test := range []struct {
		nodes []schema.Node
		want  string
	}{{nodes, "Lost"}, {nodes[:1], "Contacted"}, {nodes[3:], control.FirstStage}, {nil, control.FirstStage}} {
		back := slices.Clone(test.nodes)
		slices.Reverse(back)
		if one, other := control.NewestStage(test.nodes, facts), control.NewestStage(back, facts); one != test.want || other != test.want {
			t.Errorf("of %v: %s and %s, want %s", test.nodes, one, other, test.want)
		}
	}
}
