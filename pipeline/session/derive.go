package session

import (
	"slices"
	"strings"
	"time"

	"sourceloop/schema"
)

// Classifier reads from a hit where its visitor came from, under one version
// of the workspace's settings. It never returns nil, and the source it returns
// is not changed by anyone.
type Classifier interface {
	Classify(hit *schema.Hit, s *schema.Settings) *schema.Source
}

// Derive gives a visitor's sessions, oldest first. It is a pure function of the
// set of hits; carry is what sealed sessions left behind, or nil. The set may
// come in any order, but one kept by Union is not sorted again.
func Derive(w *schema.Workspace, visitor string, carry *schema.Carry, hits []*schema.Hit, c Classifier) []schema.Session {
	d := derive(w, visitor, carry, canonical(hits), c)
	return d.sessions
}

// running is what decides about the next hit: the last session so far.
type running struct {
	settings  *schema.Settings
	source    *schema.Source
	clicks    []string // click ids it has seen, those it continued included
	startedAt schema.Millis
	lastAt    schema.Millis
	lastID    []byte
	paged     bool // it has a page view
}

// derivation is a walk over a visitor's hits.
type derivation struct {
	workspace  *schema.Workspace
	visitor    string
	classifier Classifier
	now        *running // nil before the first hit ever

	sessions []schema.Session
	firsts   []int     // the index of each session's first hit
	ends     []running // how each session ended
}

func derive(w *schema.Workspace, visitor string, carry *schema.Carry, hits []*schema.Hit, c Classifier) *derivation {
	d := &derivation{workspace: w, visitor: visitor, classifier: c, now: resume(w, carry)}
	for i, h := range hits {
		if !Late(carry, h) {
			d.add(i, h)
		}
	}
	return d
}

// resume is the last sealed session as it ended, or nil without one.
func resume(w *schema.Workspace, carry *schema.Carry) *running {
	if carry == nil {
		return nil
	}
	source := carry.GetSource()
	if source == nil {
		source = &schema.Source{}
	}
	return &running{
		settings: w.At(schema.Millis(carry.GetStartedAt())), source: source, clicks: carry.GetClickIds(),
		startedAt: schema.Millis(carry.GetStartedAt()), lastAt: schema.Millis(carry.GetLastAt()), lastID: carry.GetLastId(),
	}
}

func (d *derivation) add(index int, h *schema.Hit) {
	source := d.look(h)
	clicks := source.GetClickIds()
	if reason := d.trigger(h, source); reason != "" {
		clicks = d.begin(index, h, source, reason)
	}
	s := &d.sessions[len(d.sessions)-1]
	fresh := d.now.see(clicks)
	d.now.lastAt, d.now.lastID = schema.Millis(h.GetAt()), h.GetId()
	s.ClickIDs = d.now.clicks
	if h.GetType() == schema.HitType_HIT_TYPE_PAGEVIEW && !d.now.paged {
		d.now.paged = true
		s.Touch.LandingPage = withoutFragment(h.GetUrl())
	}
	include(s, h, fresh)
	d.ends[len(d.ends)-1] = *d.now
}

// look reads a hit's source as the running session sees it: nil for a hit that
// cannot change it. Most hits have neither referrer nor query and are direct
// whatever the rules say.
func (d *derivation) look(h *schema.Hit) *schema.Source {
	if d.now == nil || !checked(h) || h.GetReferrer() == "" && !strings.Contains(h.GetUrl(), "?") {
		return nil
	}
	return d.classifier.Classify(h, d.now.settings)
}

// checked tells whether a hit can start a session at all.
func checked(h *schema.Hit) bool {
	return h.GetType() == schema.HitType_HIT_TYPE_PAGEVIEW || h.GetType() == schema.HitType_HIT_TYPE_EVENT
}

// trigger says why a hit starts a session, "" when it does not.
func (d *derivation) trigger(h *schema.Hit, source *schema.Source) schema.Reason {
	at := schema.Millis(h.GetAt())
	switch {
	case d.now == nil:
		return schema.ReasonFirstHit
	case !checked(h):
		return d.orphan()
	case at.Sub(d.now.lastAt) > d.now.settings.Timeout:
		return schema.ReasonTimeout
	case d.now.settings.Attribution && d.now.changedBy(h, source):
		return schema.ReasonAttribution
	case d.now.settings.Midnight && d.now.otherDate(at):
		return schema.ReasonMidnight
	}
	return d.orphan()
}

// orphan is the reason of a hit that starts nothing by itself. It begins a
// session all the same when the hit that began the first open one was erased.
func (d *derivation) orphan() schema.Reason {
	if len(d.sessions) == 0 {
		return schema.ReasonTimeout
	}
	return ""
}

// begin opens a session and returns the click ids of its first hit.
func (d *derivation) begin(index int, h *schema.Hit, source *schema.Source, reason schema.Reason) []string {
	at := schema.Millis(h.GetAt())
	next := &running{settings: d.workspace.At(at), startedAt: at}
	clicks := source.GetClickIds()
	if reason == schema.ReasonMidnight {
		next.source, next.clicks = d.now.source, slices.Clone(d.now.clicks)
	} else {
		next.source = d.classifier.Classify(h, next.settings)
		clicks = next.source.GetClickIds()
	}
	d.now = next
	d.firsts = append(d.firsts, index)
	d.ends = append(d.ends, *next)
	d.sessions = append(d.sessions, opened(d.workspace.ID, d.visitor, h, next, reason))
	return clicks
}

// see adds click ids to those seen, and returns the first that is new, or "".
func (r *running) see(clicks []string) string {
	fresh := ""
	for _, id := range clicks {
		if slices.Contains(r.clicks, id) {
			continue
		}
		// Never append in place: earlier snapshots share the array.
		r.clicks = append(slices.Clip(r.clicks), id)
		if fresh == "" {
			fresh = id
		}
	}
	return fresh
}

// changedBy tells whether a hit brings another attribution than the session's.
func (r *running) changedBy(h *schema.Hit, source *schema.Source) bool {
	if source == nil || source.GetDirect() {
		return false
	}
	unseen := func(id string) bool { return !slices.Contains(r.clicks, id) }
	return utmsDiffer(h.GetUrl(), source, r.source) ||
		slices.ContainsFunc(source.GetClickIds(), unseen) ||
		source.GetReferrer() != "" && source.GetChannel() != r.source.GetChannel()
}

// otherDate tells whether a moment is on another local date than the session's
// first hit. Dates are compared, not midnights: a zone may skip midnight when
// its clocks go forward.
func (r *running) otherDate(at schema.Millis) bool {
	zone := r.settings.Zone
	if zone == nil {
		zone = time.UTC
	}
	y1, m1, d1 := r.startedAt.Time().In(zone).Date()
	y2, m2, d2 := at.Time().In(zone).Date()
	return d1 != d2 || m1 != m2 || y1 != y2
}
