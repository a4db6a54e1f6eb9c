package spool

import (
	"fmt"
	"strconv"
	"strings"
)

// The endings of segments: waiting for the drain, and set aside.
const (
	waiting  = ".spool"
	setAside = ".aside"
)

// segment is a file of a queue's backlog.
type segment struct {
	name segmentName
	code code
	own  bool  // this process wrote it, so that all of it must be readable
	size int64 // synced; what is behind it is not ours to read

	// For the drain alone.
	at    int64 // how far it is drained
	aside bool  // something in it cannot be delivered
}

// segmentName is what a segment's name says.
type segmentName struct {
	topic  string
	number uint64
	salt   uint64
}

// file is the segment's name on disk with one of the endings.
func (n segmentName) file(ending string) string {
	return fmt.Sprintf("%s.%020d.%016x%s", n.topic, n.number, n.salt, ending)
}

// parseName reads the name of a segment; ok is false when it is none.
func parseName(file string) (n segmentName, ending string, ok bool) {
	for _, ending = range []string{waiting, setAside} {
		stem, found := strings.CutSuffix(file, ending)
		if !found {
			continue
		}
		stem, salt, _ := cutLast(stem)
		topic, number, _ := cutLast(stem)
		s, errSalt := strconv.ParseUint(salt, 16, 64)
		i, errNumber := strconv.ParseUint(number, 10, 64)
		n = segmentName{topic, i, s}
		return n, ending, errSalt == nil && errNumber == nil && topic != "" && n.file(ending) == file
	}
	return segmentName{}, "", false
}

func cutLast(text string) (before, after string, found bool) {
	if i := strings.LastIndexByte(text, '.'); i >= 0 {
		return text[:i], text[i+1:], true
	}
	return "", text, false
}
