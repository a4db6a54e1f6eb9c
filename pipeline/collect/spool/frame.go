package spool

import (
	"encoding/binary"
	"hash/crc32"
)

const (
	frameHead   = 8       // length and checksum
	payloadHead = 8       // arrival
	maxPayload  = 4 << 20 // above what Kafka takes in one record
)

// entry is one record as it is on the disk. Its slices are parts of a segment.
type entry struct {
	at    int64 // arrival, ms since 1970
	key   []byte
	value []byte
}

// code makes and reads the frames of segments with one salt.
type code struct {
	table *crc32.Table
	seed  uint32 // the salt's checksum, with which every other begins
}

func newCode(salt uint64) code {
	table := crc32.MakeTable(crc32.Castagnoli)
	return code{table, crc32.Checksum(binary.BigEndian.AppendUint64(nil, salt), table)}
}

// frameSize is how many bytes a record takes.
func frameSize(key, value []byte) int {
	return frameHead + payloadHead + len(binary.AppendUvarint(make([]byte, 0, binary.MaxVarintLen64), uint64(len(key)))) + len(key) + len(value)
}

// appendFrame writes a record behind others.
func (c code) appendFrame(to []byte, e entry) []byte {
	start := len(to)
	to = append(to, make([]byte, frameHead)...)
	to = binary.LittleEndian.AppendUint64(to, uint64(e.at))
	to = append(binary.AppendUvarint(to, uint64(len(e.key))), e.key...)
	to = append(to, e.value...)
	frame := to[start:]
	binary.LittleEndian.PutUint32(frame, uint32(len(frame)-frameHead))
	binary.LittleEndian.PutUint32(frame[4:], c.checksum(frame))
	return to
}

// checksum covers a frame's length and payload.
func (c code) checksum(frame []byte) uint32 {
	return crc32.Update(crc32.Update(c.seed, c.table, frame[:4]), c.table, frame[frameHead:])
}

// frames reads up to so many whole frames from the beginning of data, until one
// is not whole or a chunk is full: used is how many bytes they take.
func (c code) frames(data []byte, most int) (entries []entry, used int) {
	for len(entries) < most {
		e, n := c.frame(data[used:])
		if n == 0 || len(entries) > 0 && used+n > chunkBytes {
			break
		}
		entries, used = append(entries, e), used+n
	}
	return entries, used
}

// frame reads the frame at the beginning of data; n is 0 when there is no whole
// one.
func (c code) frame(data []byte) (e entry, n int) {
	length, ok := payloadLength(data)
	if !ok || length > len(data)-frameHead {
		return entry{}, 0
	}
	frame := data[:frameHead+length]
	if binary.LittleEndian.Uint32(frame[4:]) != c.checksum(frame) {
		return entry{}, 0
	}
	payload := frame[frameHead:]
	key, value, ok := field(payload[payloadHead:])
	if !ok {
		return entry{}, 0
	}
	return entry{int64(binary.LittleEndian.Uint64(payload)), key, value}, len(frame)
}

// payloadLength tells what length the frame at the beginning of data would
// have, if there can be one.
func payloadLength(data []byte) (length int, ok bool) {
	if len(data) < frameHead {
		return 0, false
	}
	n := binary.LittleEndian.Uint32(data)
	return int(n), n >= payloadHead && n <= maxPayload
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

// searchBytes bounds how many bytes nextFrame sums up: what was made to look
// like lengths must not take hours.
const searchBytes = 1 << 30

// nextFrame tells where the next whole frame behind the first byte of data
// begins; len(data) when there is none. sure is false when it gave up looking.
func (c code) nextFrame(data []byte) (at int, sure bool) {
	budget := searchBytes
	for at := 1; at < len(data); at++ {
		length, ok := payloadLength(data[at:])
		if !ok || length > len(data)-at-frameHead {
			continue
		}
		if _, n := c.frame(data[at:]); n > 0 {
			return at, true
		}
		if budget -= length; budget < 0 {
			return len(data), false
		}
	}
	return len(data), true
}
