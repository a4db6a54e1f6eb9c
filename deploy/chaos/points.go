package chaos

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"

	"sourceloop/deploy/chaos/failpoint"
)

// points chooses failpoints for processes that are started, and reads what has
// fired.
type points struct {
	file string // where processes note what fires

	mu     sync.Mutex
	random *rand.Rand // nil when nobody is to get one
	seen   map[int]bool
}

func newPoints(file string) *points { return &points{file: file, seen: make(map[int]bool)} }

// arm lets processes that are started from now on have a failpoint, by these
// dice; nil for none.
func (p *points) arm(random *rand.Rand) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.random = random
}

// firing is one line of the file.
type firing struct {
	name, action string
	pid          int
}

// fired is everything that has fired so far.
func (p *points) fired() []firing {
	f, err := os.Open(p.file)
	if err != nil {
		return nil // Nothing has.
	}
	defer f.Close()
	var all []firing
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var one firing
		if n, _ := fmt.Sscan(lines.Text(), &one.name, &one.action, &one.pid); n == 3 {
			all = append(all, one)
		}
	}
	return all
}

// missing lists the places where nothing has happened yet, of one role or, for
// "", of all that the loop has.
func (p *points) missing(role string) []string {
	fired := make(map[string]bool)
	for _, one := range p.fired() {
		fired[one.name] = true
	}
	var names []string
	for r, places := range failpoint.Names() {
		for _, name := range places {
			if !fired[name] && (role == "" && r != failpoint.Connected || r == role) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// killer is the failpoint that killed a process, "" when none did.
func (p *points) killer(pid int) string {
	for _, one := range p.fired() {
		if one.pid == pid && one.action == failpoint.Kill {
			return one.name
		}
	}
	return ""
}

// stopped tells, once, that a process stopped itself.
func (p *points) stopped(pid int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen[pid] {
		return false
	}
	for _, one := range p.fired() {
		if one.pid == pid && one.action == failpoint.Stop {
			p.seen[pid] = true
			return true
		}
	}
	return false
}

// drawn is how many failpoints a process gets, of which it may come to one.
const drawn = 3

// draw gives a process that starts its failpoints, mostly such as have not
// fired yet, or none.
func (p *points) draw(role string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.random == nil || p.random.IntN(5) == 0 {
		return ""
	}
	all := failpoint.Names()[role]
	first := p.missing(role)
	if p.random.IntN(5) == 0 {
		first = all
	}
	var names []string
	for _, from := range [][]string{first, all} {
		for _, at := range p.random.Perm(len(from)) {
			if len(names) < drawn && !slices.Contains(names, from[at]) {
				names = append(names, from[at])
			}
		}
	}
	for i, name := range names {
		names[i] = fmt.Sprintf("%s=%s@%d", name, p.action(), 1+p.random.IntN(mostPasses(name)))
	}
	return strings.Join(names, ",")
}

func (p *points) action() string {
	return []string{failpoint.Kill, failpoint.Kill, failpoint.Kill, failpoint.Stop, failpoint.Fail}[p.random.IntN(5)]
}

// mostPasses is how often a process comes to a place within some seconds.
func mostPasses(name string) int {
	stage, place, _ := strings.Cut(name, ".")
	switch {
	case stage == "inbox":
		return 1
	case stage == "spool":
		return 4
	case strings.HasSuffix(place, "-hook"), stage == "resolve":
		return 3
	case place == "takeover", stage == "stitch":
		return 8
	}
	return 40
}
