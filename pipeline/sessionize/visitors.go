package sessionize

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	"sourceloop/pipeline/session"
	"sourceloop/pipeline/state"
	"sourceloop/schema"
)

func stateKey(v Visitor) string {
	return "v:" + strconv.FormatUint(uint64(v.Workspace), 10) + "/" + v.ID
}

// load finds the state of every visitor of a stretch.
func (w *Worker) load(ctx context.Context, st *stretch) error {
	missing, err := w.loadKnown(ctx, st.visitors)
	if err != nil || len(missing) == 0 {
		return err
	}
	if !w.owner.Cold() {
		for _, v := range missing {
			v.state = &schema.VisitorState{}
		}
		return nil
	}
	return w.loadPast(ctx, missing)
}

// loadKnown finds states in memory and in Redis and returns the visitors that
// are in neither.
func (w *Worker) loadKnown(ctx context.Context, visits []*visit) ([]*visit, error) {
	var missing []*visit
	for _, v := range visits {
		if known, ok := w.visitors.Get(v.name); ok {
			v.state = known
			continue
		}
		missing = append(missing, v)
	}
	return w.loadStored(ctx, missing)
}

// loadStored reads states from Redis and returns the visitors it lacks.
func (w *Worker) loadStored(ctx context.Context, visits []*visit) ([]*visit, error) {
	if len(visits) == 0 {
		return nil, nil
	}
	keys := make([]string, len(visits))
	for i, v := range visits {
		keys[i] = stateKey(v.name)
	}
	values, err := w.owner.Get(ctx, keys)
	if err != nil {
		return nil, err
	}
	var missing []*visit
	for i, v := range visits {
		if values[i] == nil {
			missing = append(missing, v)
			continue
		}
		v.state = &schema.VisitorState{}
		if err := proto.Unmarshal(values[i], v.state); err != nil {
			return nil, fmt.Errorf("cannot read a visitor's state: %w", err)
		}
	}
	return missing, nil
}

// loadPast rebuilds states from ClickHouse: all hits, and the keys of the
// sessions that stand there. Their rows are written again.
func (w *Worker) loadPast(ctx context.Context, visits []*visit) error {
	names := make([]Visitor, len(visits))
	for i, v := range visits {
		names[i] = v.name
	}
	pasts, err := w.deps.History.Visitors(ctx, names)
	if err != nil {
		return err
	}
	for _, v := range visits {
		v.state, v.read = remembered(w.unerased(v, pasts[v.name])), true
		if len(pasts[v.name].Hits) > 0 {
			w.metrics.cold.Inc()
		}
	}
	return nil
}

// remembered is the state that a visitor's past gives. Of a past that was not
// read whole no session may be derived: those before would be deleted.
func remembered(past Past) *schema.VisitorState {
	if len(past.Hits) > MaxPast {
		return &schema.VisitorState{Flooded: true}
	}
	st := &schema.VisitorState{
		Written: past.Sessions, Hits: make([]*schema.Hit, len(past.Hits)), Recalled: uint32(len(past.Hits)),
	}
	for i, h := range past.Hits {
		st.Hits[i] = session.Trim(h)
	}
	slices.SortFunc(st.Hits, func(a, b *schema.Hit) int {
		return cmp.Or(cmp.Compare(a.GetAt(), b.GetAt()), bytes.Compare(a.GetId(), b.GetId()))
	})
	return st
}

// derive unites, derives and compares, visitor by visitor.
func (st *stretch) derive(w *Worker) {
	for _, v := range st.visitors {
		w.seal(v, st.progress)
		w.unite(v, st.progress)
		if v.state.GetFlooded() {
			continue
		}
		w.compare(st, v)
	}
}

// seal takes out whole sessions that are settled, once their rows are known to
// be in ClickHouse.
func (w *Worker) seal(v *visit, progress schema.Millis) {
	if v.read {
		return
	}
	for _, k := range v.state.GetWritten() {
		if !k.GetAcknowledged() {
			return
		}
	}
	sealed := session.Seal(v.workspace, v.name.ID, v.state, progress, w.deps.Classifier)
	if len(sealed) == 0 {
		return
	}
	gone := make(map[schema.ID]bool, len(sealed))
	for i := range sealed {
		gone[sealed[i].ID] = true
	}
	openDay := schema.Millis(v.state.GetHits()[0].GetAt()).Day()
	kept := v.state.Written[:0]
	for _, k := range v.state.GetWritten() {
		deleted := k.GetHash() == 0 && k.GetDay() < openDay // nothing that stays can bring it back
		if !gone[schema.ID(k.GetSession())] && !deleted {
			kept = append(kept, k)
		}
	}
	v.state.Written = kept
	v.state.Recalled = min(v.state.GetRecalled(), uint32(len(v.state.GetHits())))
}

func (w *Worker) unite(v *visit, progress schema.Millis) {
	for _, h := range v.hits {
		switch {
		case v.state.GetFlooded():
		case session.Late(v.state.GetCarry(), h):
			w.metrics.late.Inc()
			v.late = true
		default:
			hits, changed := session.Union(v.state.GetHits(), session.Trim(h))
			v.state.Hits = hits
			if !changed {
				w.metrics.duplicates.Inc()
			}
		}
	}
	if w.floods(v, progress) {
		v.state.Flooded, v.state.Hits, v.state.Written = true, nil, nil
		w.metrics.flooded.Inc()
	}
}

// floods tells whether a visitor has too many hits, apart from those that are
// to be sealed as soon as their rows are known to be in ClickHouse, and from
// those that were read back at once: one that came late opens a long past
// again.
func (w *Worker) floods(v *visit, progress schema.Millis) bool {
	most := MaxHits + int(v.state.GetRecalled())
	if len(v.state.GetHits()) <= most {
		return false
	}
	open := &schema.VisitorState{Carry: v.state.GetCarry(), Hits: v.state.GetHits()}
	session.Seal(v.workspace, v.name.ID, open, progress, w.deps.Classifier)
	return len(open.GetHits()) > most
}

// rowKey is what tells the rows of one visitor apart.
type rowKey struct {
	day     int32
	session schema.ID
}

func keyOf(k *schema.WrittenKey) rowKey { return rowKey{k.GetDay(), schema.ID(k.GetSession())} }

// compare finds the rows to write: sessions whose content is not known to be
// in ClickHouse, and keys that are derived no more.
func (w *Worker) compare(st *stretch, v *visit) {
	sessions := session.Derive(v.workspace, v.name.ID, v.state.GetCarry(), v.state.GetHits(), w.deps.Classifier)
	written := make(map[rowKey]*schema.WrittenKey, len(v.state.GetWritten()))
	for _, k := range v.state.GetWritten() {
		written[keyOf(k)] = k
	}
	version := w.owner.NextVersion()
	keys := make([]*schema.WrittenKey, 0, len(sessions))
	for i := range sessions {
		s := &sessions[i]
		hash := session.Hash(s)
		at := rowKey{s.StartedAt.Day(), s.ID}
		k := written[at]
		delete(written, at)
		if k == nil || k.GetHash() != hash || !k.GetAcknowledged() {
			// A copy of the id: a slice of it would keep all of the sessions in memory for as long as the visitor is.
			k = &schema.WrittenKey{Day: s.StartedAt.Day(), Session: bytes.Clone(s.ID[:]), Hash: hash, Acknowledged: w.deps.Unsafe.NoHashes}
			st.rows = append(st.rows, schema.SessionRow{Session: *s, Version: version})
			v.changed = true
			w.metrics.rows.WithLabelValues("upsert").Inc()
		}
		keys = append(keys, k)
	}
	for _, k := range v.state.GetWritten() {
		if _, orphan := written[keyOf(k)]; !orphan {
			continue
		}
		st.rows = append(st.rows, deletedRow(v, k, version))
		v.changed = v.changed || !k.GetAcknowledged() || k.GetHash() != 0
		keys = append(keys, &schema.WrittenKey{Day: k.GetDay(), Session: k.GetSession()})
		w.metrics.rows.WithLabelValues("delete").Inc()
	}
	v.before = v.state.GetWritten()
	v.state.Written = keys
	v.claims = w.claims(v, sessions)
}

// deletedRow repeats a row's whole sort key: workspace, day of start, visitor,
// id. It is written at every touch until sealed, since it must come after
// whatever a former owner may still be writing.
func deletedRow(v *visit, k *schema.WrittenKey, version uint64) schema.SessionRow {
	const day = 24 * 60 * 60 * 1000
	start := schema.Millis(int64(k.GetDay()) * day)
	return schema.SessionRow{
		Session: schema.Session{
			ID: schema.ID(k.GetSession()), Workspace: v.name.Workspace, Visitor: v.name.ID, StartedAt: start, EndedAt: start,
		},
		Version: version, Deleted: true,
	}
}

func (w *Worker) claims(v *visit, sessions []schema.Session) []*schema.Claim {
	heard := v.hits
	if v.anew {
		heard = v.state.GetHits()
	}
	for _, h := range heard {
		if session.MayClaim(h) {
			return session.Claims(v.workspace, v.state.GetHits(), sessions, w.deps.Normalizer)
		}
	}
	return nil
}

// save stores the states, and other values, before anything is written from
// them.
func (w *Worker) save(ctx context.Context, st *stretch, applied int64, others ...state.Pair) error {
	if err := w.touch(ctx, st); err != nil {
		return err
	}
	if w.deps.Unsafe.NoKeys {
		defer st.withholdKeys()()
	}
	pairs, err := st.pairs()
	if err != nil {
		return err
	}
	return w.owner.Save(ctx, applied, st.progress, append(pairs, others...), nil)
}

// withholdKeys takes the keys that are about to be written out of the states.
// The result puts them back.
func (st *stretch) withholdKeys() (restore func()) {
	swap := func() {
		for _, v := range st.visitors {
			v.state.Written, v.before = v.before, v.state.Written
		}
	}
	swap()
	return swap
}

func (st *stretch) pairs() ([]state.Pair, error) {
	pairs := make([]state.Pair, len(st.visitors))
	for i, v := range st.visitors {
		value, err := proto.Marshal(v.state)
		if err != nil {
			return nil, fmt.Errorf("cannot encode a visitor's state: %w", err)
		}
		pairs[i] = state.Pair{Key: stateKey(v.name), Value: value}
	}
	return pairs, nil
}

// acknowledge records that the rows are in ClickHouse; Redis learns it at the
// visitor's next touch.
func (st *stretch) acknowledge() {
	for _, v := range st.visitors {
		for _, k := range v.state.GetWritten() {
			k.Acknowledged = true
		}
	}
}
