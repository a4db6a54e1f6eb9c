package spool

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

const (
	magic       = "SLSPOOL1"
	suffix      = ".spool"
	setAside    = ".refused" // segments of records that the log refuses for good
	frameHead   = 8          // length and checksum
	payloadHead = 8          // arrival
)

// entry is one record as it is on the disk. Its slices are parts of a segment.
type entry struct {
	at    int64 // arrival, ms since 1970
	topic string
	key   []byte
	value []byte
}

// appendFrame writes a record behind others.
func appendFrame(to []byte, castagnoli *crc32.Table, e entry) []byte {
	start := len(to)
	to = append(to, make([]byte, frameHead)...)
	to = binary.LittleEndian.AppendUint64(to, uint64(e.at))
	to = append(binary.AppendUvarint(to, uint64(len(e.topic))), e.topic...)
	to = append(binary.AppendUvarint(to, uint64(len(e.key))), e.key...)
	to = append(to, e.value...)
	frame := to[start:]
	binary.LittleEndian.PutUint32(frame, uint32(len(frame)-frameHead))
	binary.LittleEndian.PutUint32(frame[4:], checksum(castagnoli, frame))
	return to
}

// checksum covers a frame's length and payload.
func checksum(castagnoli *crc32.Table, frame []byte) uint32 {
	return crc32.Update(crc32.Checksum(frame[:4], castagnoli), castagnoli, frame[frameHead:])
}

// parse reads a segment up to its end, or to the first frame that is torn or
// damaged: good is how many bytes are whole.
func parse(data []byte) (entries []entry, good int) {
	if !strings.HasPrefix(string(data[:min(len(data), len(magic))]), magic) {
		return nil, 0
	}
	castagnoli := crc32.MakeTable(crc32.Castagnoli)
	good = len(magic)
	for {
		e, n := parseFrame(data[good:], castagnoli)
		if n == 0 {
			return entries, good
		}
		entries, good = append(entries, e), good+n
	}
}

// parseFrame reads the frame at the beginning of data; n is 0 when there is no
// whole one.
func parseFrame(data []byte, castagnoli *crc32.Table) (e entry, n int) {
	if len(data) < frameHead {
		return entry{}, 0
	}
	length := int64(binary.LittleEndian.Uint32(data))
	if length < payloadHead || length > int64(len(data)-frameHead) {
		return entry{}, 0
	}
	frame := data[:frameHead+length]
	if binary.LittleEndian.Uint32(frame[4:]) != checksum(castagnoli, frame) {
		return entry{}, 0
	}
	payload := frame[frameHead:]
	e.at = int64(binary.LittleEndian.Uint64(payload))
	topic, rest, ok := field(payload[payloadHead:])
	if !ok {
		return entry{}, 0
	}
	e.topic = string(topic)
	if e.key, e.value, ok = field(rest); !ok {
		return entry{}, 0
	}
	return e, len(frame)
}

// field cuts bytes that follow their length.
func field(data []byte) (value, rest []byte, ok bool) {
	length, n := binary.Uvarint(data)
	if n <= 0 || length > uint64(len(data)-n) {
		return nil, nil, false
	}
	end := n + int(length)
	return data[n:end:end], data[end:], true
}

// segmentName is the file of a number.
func segmentName(number uint64) string { return fmt.Sprintf("%020d%s", number, suffix) }

// segmentNumber is the number of a file; ok is false when it is no segment.
func segmentNumber(name string) (number uint64, ok bool) {
	digits, found := strings.CutSuffix(name, suffix)
	if !found {
		digits, found = strings.CutSuffix(name, setAside)
	}
	if !found || len(digits) != 20 {
		return 0, false
	}
	number, err := strconv.ParseUint(digits, 10, 64)
	return number, err == nil
}
