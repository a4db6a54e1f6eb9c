package stream

import (
	"testing"
)

// TestWhatAMarkTellsTheSuccessor has every end of an owner.
func TestWhatAMarkTellsTheSuccessor(t *testing.T) {
	const at, limit = 100, 110
	for _, test := range []struct {
		name       string
		left, want mark
	}{
		{"nobody was there", mark{}, mark{}},
		{"died in normal work", mark{Open: true}, mark{Zone: 110, Deaths: 1}},
		{"died in a first trial", mark{Zone: 110, Until: 104, Deaths: 1}, mark{Zone: 104, Deaths: 2}},
		{"died in a first trial, alone", mark{Zone: 110, Until: 104, Deaths: 1, Alone: true}, mark{Zone: 104, Deaths: 2}},
		{"died of one record, alone", mark{Zone: 110, Until: 101, Deaths: 1, Alone: true}, mark{Zone: 101, Deaths: 2, Proven: 1}},
		{"and once more", mark{Zone: 101, Until: 101, Deaths: 2, Proven: 1, Alone: true}, mark{Zone: 101, Deaths: 3, Proven: 2}},
		{"and once more, beside others", mark{Zone: 101, Until: 101, Deaths: 2, Proven: 1}, mark{Zone: 101, Deaths: 3}},
		{"died before that was set aside", mark{Zone: 101, Deaths: 3, Proven: 2}, mark{Zone: 101, Deaths: 3, Proven: 2}},
		{"died between two trials", mark{Zone: 110, Deaths: 1}, mark{Zone: 110, Deaths: 1}},
		{"died after the trial was committed", mark{Zone: 110, Until: 100, Deaths: 1, Alone: true}, mark{Zone: 110, Deaths: 1}},
		{"died with nothing to do", mark{Open: true}, mark{}},
		{"died when all was tried", mark{Zone: 100, Until: 100, Deaths: 2}, mark{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			end := int64(limit)
			if test.name == "died with nothing to do" {
				end = at
			}
			if got := parseMark(test.left.String()).successor(at, end); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// TestGuilt: a death, and two more with nothing else in work.
func TestGuilt(t *testing.T) {
	for _, test := range []struct {
		m    mark
		want bool
	}{
		{mark{Zone: 101, Deaths: 3, Proven: 2}, true},
		{mark{Zone: 101, Deaths: 5, Proven: 2}, true},
		{mark{Zone: 102, Deaths: 3, Proven: 2}, false},
		{mark{Zone: 101, Deaths: 3, Proven: 1}, false},
		{mark{Zone: 101, Deaths: stubborn}, true},
		{mark{Zone: 102, Deaths: stubborn}, false},
		{mark{}, false},
	} {
		if got := test.m.guilty(100); got != test.want {
			t.Errorf("%v: %v", test.m, got)
		}
	}
}

// TestForeignMetadataIsNoMark: kgo writes the member's id there, others what
// they like.
func TestForeignMetadataIsNoMark(t *testing.T) {
	for _, text := range []string{"", "sourceloop-test-1b2c", "{", `"open"`, "7", `{"zone":"x"}`} {
		if m := parseMark(text); m != (mark{}) {
			t.Errorf("%q was read as %v", text, m)
		}
	}
}
