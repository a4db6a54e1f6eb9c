package report

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"sourceloop/schema"
)

// read has a mover look at rows that come in so many blocks.
func (m *mover) read(t *testing.T, rows []told, causes []string, blocks int) {
	t.Helper()
	result := m.begin()
	for b := range blocks {
		from, to := b*len(rows)/blocks, (b+1)*len(rows)/blocks
		input := send(rows[from:to])
		name, cause, moved := new(proto.ColStr).LowCardinality(), new(proto.ColStr).LowCardinality(), proto.ColUInt8{}
		for i := from; i < to; i++ {
			name.Append("chat")
			cause.Append(causes[i])
			moved = append(moved, rows[i].id[0]%2)
		}
		for _, column := range []proto.ColumnOf[string]{name, cause} {
			if err := column.(proto.Preparable).Prepare(); err != nil {
				t.Fatal(err)
			}
		}
		input = append(input, proto.InputColumn{Name: "name", Data: name}, proto.InputColumn{Name: "cause", Data: cause}, proto.InputColumn{Name: "moved", Data: &moved})
		var buffer proto.Buffer
		block := proto.Block{Rows: to - from, Columns: len(input)}
		if err := block.EncodeRawBlock(&buffer, proto.Version, input); err != nil {
			t.Fatal(err)
		}
		if err := block.DecodeRawBlock(proto.NewReader(bytes.NewReader(buffer.Buf)), proto.Version, result); err != nil {
			t.Fatal(err)
		}
		if err := m.look(b == blocks-1); err != nil {
			t.Fatal(err)
		}
	}
	m.finish()
}

// stepped is what every row changed of the one before it, by cause and key.
func stepped(rows []told, causes []string, since int64, model int) map[string]map[keys]float64 {
	all := map[string]map[keys]float64{}
	g := grouping{first: "channel", second: "landing_page"}
	add := func(cause string, sign float64, r *told) {
		if all[cause] == nil {
			all[cause] = map[keys]float64{}
		}
		one := map[keys]earned{}
		if r.counted != 0 {
			r.plainly(one, g, nil)
		}
		for key, e := range one {
			all[cause][key] += sign * e.conversions[model]
		}
	}
	for begin := 0; begin < len(rows); {
		end := begin + 1
		for end < len(rows) && rows[end].id == rows[begin].id && rows[end].happened == rows[begin].happened {
			end++
		}
		first := begin
		for i := begin; i < end; i++ {
			if rows[i].known <= since {
				first = i + 1
			}
		}
		for i := first; i < end; i++ {
			if add(causes[i], 1, &rows[i]); i > begin {
				add(causes[i], -1, &rows[i-1])
			}
		}
		begin = end
	}
	return all
}

// However many blocks the rows come in, every cause has moved what its rows changed.
func TestMover(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	room := &touchRows{}
	for range 20 {
		rows := someRows(random, 1+random.IntN(1000))
		slices.SortFunc(rows, func(a, b told) int {
			return cmp.Or(cmp.Compare(a.happened, b.happened), a.id.Compare(b.id), cmp.Compare(a.version, b.version), cmp.Compare(a.known, b.known))
		})
		causes := make([]string, len(rows))
		for i := range causes {
			causes[i] = []string{"", "merge", "late_hit"}[random.IntN(3)]
		}
		m := &mover{since: random.Int64N(4), model: random.IntN(touchModelCount), causes: map[int32]*CauseChange{}, rows: map[move]float64{}, apart: map[schema.ID]*movement{}}
		m.rowsInOrder = &rowsInOrder{
			sharer: sharer{touchRows: room}, question: &Credits{Dimension: "channel", Second: "landing_page", Lookback: 30},
			data: placed{Columns: sentColumns, Reached: true, Exclusions: "yes", Filtered: true, Since: true},
		}
		m.name.names, m.cause.names = newNames(), newNames()
		m.read(t, rows, causes, 1+random.IntN(6))
		want := stepped(rows, causes, m.since, m.model)
		for of, change := range m.rows {
			cause := m.cause.texts[of.cause]
			want[cause][m.by.named(of.key)] -= change
		}
		for cause, byKey := range want {
			for key, rest := range byKey {
				if math.Abs(rest) > 1e-6 {
					t.Fatalf("%s moved %v by %v more than it says", fmt.Sprintf("%q", cause), key, rest)
				}
			}
		}
	}
}
