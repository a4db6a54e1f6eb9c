package report

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"sourceloop/schema"
)

// told is a row of credits.sql, as the server sends it.
type told struct {
	happened, known, identified int64
	id, contact                 schema.ID
	version                     uint64
	counted                     uint8
	value                       float64
	starts                      []int64
	leftOut, matched            []uint8 // matched has two more
	channels, pages             []string
}

// someRows are conversions of which some are there several times, in any order; keys repeat and do not.
func someRows(random *rand.Rand, n int) []told {
	rows := make([]told, 0, n)
	for len(rows) < n {
		if len(rows) > 0 && random.IntN(5) == 0 {
			again := rows[random.IntN(len(rows))]
			again.version, again.known, again.counted = random.Uint64N(4), random.Int64N(4), uint8(random.IntN(4)/3^1)
			again.value += 10 // Which of the two stands is seen.
			rows = append(rows, again)
			continue
		}
		r := told{happened: 1000*dayMillis + random.Int64N(30*dayMillis), version: random.Uint64N(4), known: random.Int64N(4), counted: 1}
		for i := range r.id {
			r.id[i] = byte(random.UintN(256))
		}
		r.contact[0] = byte(random.UintN(8))
		r.identified = r.happened - random.Int64N(20*dayMillis)
		if random.IntN(3) == 0 {
			r.value = float64(random.IntN(100))
		}
		for range random.IntN(5) * random.IntN(3) {
			r.starts = append(r.starts, r.happened-random.Int64N(40*dayMillis))
			r.leftOut, r.matched = append(r.leftOut, uint8(random.IntN(5)/4)), append(r.matched, uint8(random.IntN(3)/2^1))
			r.channels = append(r.channels, []string{"Direct", "Email", "Display"}[random.IntN(3)])
			r.pages = append(r.pages, fmt.Sprint("/page-", random.IntN(400)))
		}
		slices.Sort(r.starts)
		r.matched = append(r.matched, uint8(random.IntN(2)), uint8(random.IntN(2)))
		rows = append(rows, r)
	}
	return rows
}

// send writes rows as a block of columns.
func send(rows []told) proto.Input {
	var happened, known, identified proto.ColInt64
	var id, contact proto.ColFixedStr16
	var version proto.ColUInt64
	var counted proto.ColUInt8
	var value proto.ColFloat64
	starts := proto.NewArray(new(proto.ColInt64))
	leftOut, matched := proto.NewArray(new(proto.ColUInt8)), proto.NewArray(new(proto.ColUInt8))
	channels, pages := proto.NewArray(new(proto.ColStr).LowCardinality()), proto.NewArray(new(proto.ColStr).LowCardinality())
	for i := range rows {
		r := &rows[i]
		happened, known, identified = append(happened, r.happened), append(known, r.known), append(identified, r.identified)
		id, contact, version = append(id, r.id), append(contact, r.contact), append(version, r.version)
		counted, value = append(counted, r.counted), append(value, r.value)
		starts.Append(r.starts)
		leftOut.Append(r.leftOut)
		matched.Append(r.matched)
		channels.Append(r.channels)
		pages.Append(r.pages)
	}
	return proto.Input{
		{Name: "happened", Data: &happened}, {Name: "id", Data: &id}, {Name: "version", Data: &version}, {Name: "known", Data: &known},
		{Name: "counted", Data: &counted}, {Name: "value", Data: &value}, {Name: "identified", Data: &identified}, {Name: "starts", Data: starts},
		{Name: "contact", Data: &contact}, {Name: channelColumn, Data: channels}, {Name: "touches_landing_page", Data: pages},
		{Name: "left_out", Data: leftOut}, {Name: "matched", Data: matched},
	}
}

var sentColumns = []string{channelColumn, "touches_landing_page"}

// receive reads rows that come in so many blocks.
func receive(t *testing.T, r *touchRows, rows []told, blocks int, p *placed) {
	t.Helper()
	result := r.begin(30, p)
	known := 0
	for b := range blocks {
		input := send(rows[b*len(rows)/blocks : (b+1)*len(rows)/blocks])
		var buffer proto.Buffer
		block := proto.Block{Rows: input[0].Data.Rows(), Columns: len(input)}
		if err := block.EncodeRawBlock(&buffer, proto.Version, input); err != nil {
			t.Fatal(err)
		}
		if err := block.DecodeRawBlock(proto.NewReader(bytes.NewReader(buffer.Buf)), proto.Version, result); err != nil {
			t.Fatal(err)
		}
		var err error
		if known, err = r.add(known); err != nil {
			t.Fatal(err)
		}
	}
}

func groupings() []grouping {
	return []grouping{
		{first: "channel"}, {first: "landing_page"}, {first: "landing_page", second: "channel"},
		{bounds: []int64{1000 * dayMillis, 1010 * dayMillis, 1020 * dayMillis}},
	}
}

// plainly sums the rows that stand, one touch after the other.
func plainly(rows []told, g grouping, progressed map[schema.ID]schema.Millis) map[keys]earned {
	type identity struct {
		id       schema.ID
		happened int64
	}
	newest := make(map[identity]*told)
	for i := range rows {
		r := &rows[i]
		old := newest[identity{r.id, r.happened}]
		if old == nil || r.version > old.version || r.version == old.version && r.known > old.known {
			newest[identity{r.id, r.happened}] = r
		}
	}
	all := make(map[keys]earned)
	for _, r := range newest {
		if r.counted != 0 {
			r.plainly(all, g, progressed)
		}
	}
	return all
}

func (r *told) plainly(all map[keys]earned, g grouping, progressed map[schema.ID]schema.Millis) {
	var p path
	var touches []int
	inside := false
	for k, start := range r.starts {
		if start < r.happened-30*dayMillis {
			continue
		}
		if inside = true; r.leftOut[k] == 0 {
			touches = append(touches, k)
			p.starts, p.other = append(p.starts, start), append(p.other, r.channels[k] != "Direct")
		}
	}
	at := func(channel, page string) earned {
		key := keys{strconvBound(g, r.happened)}
		for i, d := range []Dimension{g.first, g.second} {
			if d != "" {
				key[i] = map[Dimension]string{"channel": channel, "landing_page": page}[d]
			}
		}
		if _, ok := all[key]; !ok {
			all[key] = noneEarned()
		}
		return all[key]
	}
	if len(touches) == 0 {
		channel, page, matches := "Direct", "", r.matched[len(r.matched)-2]
		if inside {
			channel, page, matches = Excluded, Excluded, r.matched[len(r.matched)-1]
		}
		if matches != 0 {
			e := at(channel, page)
			for m := range touchModelCount {
				e.conversions[m]++
				e.value[m] += r.value
			}
		}
		return
	}
	p.identified, p.progressed = r.identified, int64(progressed[r.contact])
	p.share()
	for k, t := range touches {
		if r.matched[t] == 0 {
			continue
		}
		e := at(r.channels[t], r.pages[t])
		for m, share := range p.shares[k] {
			e.conversions[m] += share
			e.attributed[m] += share
			e.value[m] += share * r.value
		}
	}
}

func strconvBound(g grouping, happened int64) string {
	if g.bounds == nil {
		return ""
	}
	return fmt.Sprint(g.bounds[(&sum{grouping: g}).stretch(happened)])
}

// However many blocks the rows come in, and however many share them, the sums
// are those of one touch after the other. Room that was used is as good as new.
func TestSharing(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	room := &touchRows{}
	for range 20 {
		rows := someRows(random, 1+random.IntN(3000))
		progressed := map[schema.ID]schema.Millis{{3}: 1005 * dayMillis, {4}: 1015 * dayMillis}
		receive(t, room, rows, 1+random.IntN(4), &placed{Columns: sentColumns, Reached: true, Exclusions: "yes", Filtered: true})
		var sums []*sum
		for _, g := range groupings() {
			sums = append(sums, newSum(g, sentColumns, room))
		}
		for i, s := range room.shareAmong(1+random.IntN(3), progressed, sums) {
			compareEarned(t, plainly(rows, groupings()[i], progressed), s.earned())
		}
	}
}

func compareEarned(t *testing.T, want, got map[keys]earned) {
	t.Helper()
	for key := range maps.Keys(got) {
		if _, ok := want[key]; !ok {
			t.Errorf("%q is credited, and should not be", key)
		}
	}
	for key, w := range want {
		g, ok := got[key]
		if !ok {
			t.Errorf("%q is not credited", key)
			continue
		}
		for _, pair := range [][2][]float64{{w.conversions, g.conversions}, {w.value, g.value}, {w.attributed, g.attributed}} {
			for m := range pair[0] {
				if math.Abs(pair[0][m]-pair[1][m]) > 1e-6 {
					t.Fatalf("%q: model %d gives %v, want %v", key, m, pair[1], pair[0])
				}
			}
		}
	}
}

// Room that is large is not kept, and no more than a few of the others.
func TestRooms(t *testing.T) {
	kept := newRooms()
	large := &touchRows{newest: places{slots: make([]int64, roomBytes/8+1)}}
	kept.put(large)
	if kept.take() == large {
		t.Error("large room is kept")
	}
	small := make([]*touchRows, roomsKept+1)
	for i := range small {
		small[i] = &touchRows{}
		kept.put(small[i])
	}
	for i := range roomsKept {
		if kept.take() != small[i] {
			t.Error("room is not kept")
		}
	}
	if kept.take() == small[roomsKept] {
		t.Error("more room is kept than should be")
	}
}
