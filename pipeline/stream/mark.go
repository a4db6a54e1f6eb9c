package stream

import (
	"encoding/json"
	"math"
)

// mark is what an owner tells its successor beside the committed offset, in the
// commit's metadata: whether somebody is at work, and, after a process died at
// work, on what. An empty mark says that nobody is.
type mark struct {
	// By is the group's member that left it.
	By string `json:"by,omitempty"`
	// Open says that records from the offset on may be in work.
	Open bool `json:"open,omitempty"`
	// Zone is the offset before which records are suspected; 0 suspects none.
	Zone int64 `json:"zone,omitempty"`
	// Until says that of those exactly the ones before this offset are in work.
	Until int64 `json:"until,omitempty"`
	// Alone says that nothing else is in work in the process meanwhile.
	Alone bool `json:"alone,omitempty"`
	// Deaths counts the processes that died with the zone in work.
	Deaths int `json:"deaths,omitempty"`
	// Proven counts those that died last with nothing in work but its one record.
	Proven int `json:"proven,omitempty"`
}

// parseMark reads the metadata of a commit. What is no mark, such as what other
// programs write there, says nothing.
func parseMark(metadata string) mark {
	var m mark
	if json.Unmarshal([]byte(metadata), &m) != nil {
		return mark{}
	}
	return m
}

func (m mark) String() string {
	text, err := json.Marshal(m)
	if err != nil {
		return "" // Numbers and truth values can always be written.
	}
	return string(text)
}

// resting is the mark when nothing is in work any more.
func (m mark) resting() mark {
	return mark{Zone: m.Zone, Deaths: m.Deaths, Proven: m.Proven}
}

// successor is the mark with which somebody goes on from an offset who found
// this one there: what the former owner had in work when it ended is suspected.
// After a good end that is nothing. A former owner in normal work had at most
// the records before limit in work.
func (m mark) successor(at, limit int64) mark {
	switch {
	case m.Until > at:
		next := mark{Zone: m.Until, Deaths: m.Deaths + 1}
		if m.Alone && m.Until == at+1 {
			next.Proven = m.Proven + 1
		}
		return next
	case m.Zone > at:
		return m.resting()
	case m.Open && limit > at:
		return mark{Zone: limit, Deaths: 1}
	}
	return mark{}
}

// stubborn is how many deaths convict a record in work that never were soon
// enough, or alone enough, to prove anything.
const stubborn = 10

// guilty tells whether the record at an offset is to be set aside: the process
// died with it in work, and twice more with nothing but it; or time and again.
func (m mark) guilty(at int64) bool {
	return m.Zone == at+1 && (m.Proven >= 2 || m.Deaths >= stubborn)
}

// oneByOne is up to how many suspected records are tried one by one at once.
const oneByOne = 16

// share is how many records of the zone are tried at a time: of many, after the
// first death, so many that their number and that of the trials are equal.
func (m mark) share(at int64) int64 {
	if n := m.Zone - at; m.Deaths == 1 && n > oneByOne {
		return int64(math.Ceil(math.Sqrt(float64(n))))
	}
	return 1
}
