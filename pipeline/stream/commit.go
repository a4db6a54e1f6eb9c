package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// How often what lanes processed is committed, and how long one commit may take.
const (
	commitEvery = 500 * time.Millisecond
	commitLimit = 10 * time.Second
)

// position is what a lane commits: the next offset to process, with the leader
// epoch of the last one, and what its successor must know.
type position struct {
	at    int64
	epoch int32
	mark  mark
}

// update changes the lane's position, which is committed sooner or later.
func (l *lane) update(change func(p *position)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.position)
	l.version++
}

func (l *lane) where() position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.position
}

// commitNow returns when the lane's position is committed. Lanes that ask at
// the same time share a request.
func (l *lane) commitNow(ctx context.Context) error {
	committed := make(chan error, 1)
	l.mu.Lock()
	l.asked = committed
	l.mu.Unlock()
	l.group.commitSoon()
	select {
	case err := <-committed:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// commitSoon makes the loop commit at once.
func (g *Group) commitSoon() {
	select {
	case g.commits <- struct{}{}:
	default:
	}
}

// settled takes note of a commit of the lane's position as it was in a version,
// and answers whoever waits for it.
func (l *lane) settled(version uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.committed = max(l.committed, version)
	}
	if l.asked != nil && version == l.version {
		l.asked <- err
		l.asked = nil
	}
}

// errPutOut is what a lane gets that became the owner as a member which the
// group has forgotten since, as one that was stopped for too long: the process
// is a member again, but others may have gone on in between.
var errPutOut = fmt.Errorf("the group forgot this member: %w: %w", ErrFenced, kerr.UnknownMemberID)

// join makes the lane one of the present member of the group. As another one
// than before it knows nothing.
func (l *lane) join() {
	member, _ := l.client.GroupMetadata()
	l.group.mu.Lock()
	l.group.members[member] = true
	l.group.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.member != member {
		l.member, l.taken, l.putOut = member, false, false
	}
}

// takeOver begins at an offset with what the former owner left to know, or,
// where the lane itself made a new worker, goes on.
func (l *lane) takeOver(ctx context.Context, at int64, left mark) error {
	if l.taken {
		l.update(func(p *position) { p.at = max(p.at, at) })
		return nil
	}
	if l.group.was(left.By) { // This process lives.
		left = left.resting()
	}
	limit := int64(0)
	if left.Open {
		end, err := l.end(ctx)
		if err != nil {
			return err
		}
		limit = min(end, at+2*int64(l.group.config.MaxBatch))
	}
	m := left.successor(at, limit)
	m.Open = m.Zone == 0
	l.update(func(p *position) { *p = position{at: at, epoch: -1, mark: m} })
	return nil
}

// end is the offset after the last record of the partition.
func (l *lane) end(ctx context.Context) (int64, error) {
	topic := l.group.config.Topic
	ends, err := l.group.log.admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return 0, fmt.Errorf("cannot read the end of the topic %q: %w", topic, err)
	}
	end, ok := ends.Lookup(topic, l.partition)
	if !ok {
		return 0, fmt.Errorf("cannot read the end of the topic %q: there is no partition %d", topic, l.partition)
	}
	return end.Offset, end.Err
}

// was tells whether this process was that member of the group.
func (g *Group) was(member string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.members[member]
}

func (l *lane) due() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked != nil || l.committed < l.version
}

// commitLoop commits what the lanes did, now and then and when one asks, until
// it is told to stop.
func (g *Group) commitLoop(client *kgo.Client, stop <-chan struct{}) {
	tick := time.NewTicker(commitEvery)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		case <-g.commits:
		}
		// No context: a request that is cut off may be served after the next one.
		if err := g.commit(context.Background(), client, g.dueLanes(), g.runs); err != nil && !errors.Is(err, errNothingToCommit) && !errors.Is(err, errPutOut) {
			g.slog.Warn("cannot commit what was processed; trying again", "err", err)
		}
	}
}

func (g *Group) dueLanes() []*lane {
	g.mu.Lock()
	defer g.mu.Unlock()
	var due []*lane
	for _, l := range g.lanes {
		if l.due() {
			due = append(due, l)
		}
	}
	return due
}

// runs tells whether a lane was not stopped in the meantime.
func (g *Group) runs(l *lane) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.lanes[l.partition] == l
}

func anyLane(*lane) bool { return true }

// commitLast commits what lanes did that were stopped in good order. A broker
// that refuses, since the group is being rebalanced or is away, only makes the
// next owner repeat.
func (g *Group) commitLast(client *kgo.Client, stopped []*lane) {
	if err := g.commit(context.Background(), client, stopped, anyLane); err != nil && !errors.Is(err, errNothingToCommit) && !errors.Is(err, errPutOut) {
		g.slog.Warn("cannot commit what was processed; the next owner repeats it", "err", err)
	}
}

var errNothingToCommit = errors.New("there is nothing to commit")

// commit commits the positions of lanes in one request. The positions are those
// at the moment when the request is sent and no other commit can come before
// it, of lanes that are still the owner's then: a rebalance may have passed
// since commit was called, except where a callback or a lane waits for it.
func (g *Group) commit(ctx context.Context, client *kgo.Client, lanes []*lane, still func(*lane) bool) error {
	if len(lanes) == 0 {
		return errNothingToCommit
	}
	ctx, cancel := context.WithTimeout(ctx, commitLimit)
	defer cancel()
	request := &commitRequest{lanes: make(map[int32]*lane, len(lanes)), versions: make(map[int32]uint64, len(lanes)), still: still, dropped: errNothingToCommit}
	offsets := make(map[int32]kgo.EpochOffset, len(lanes))
	for _, l := range lanes {
		request.lanes[l.partition] = l
		offsets[l.partition] = kgo.EpochOffset{Epoch: -1}
	}
	var failed error
	client.CommitOffsetsSync(kgo.PreCommitFnContext(ctx, request.fill),
		map[string]map[int32]kgo.EpochOffset{g.config.Topic: offsets},
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
			failed = request.settle(resp, err)
		})
	return failed
}

// commitRequest is one commit under way.
type commitRequest struct {
	lanes    map[int32]*lane
	versions map[int32]uint64 // of the positions that were sent
	still    func(*lane) bool
	dropped  error // why a lane was left out
}

// fill writes the positions into the request.
func (r *commitRequest) fill(req *kmsg.OffsetCommitRequest) error {
	sent := 0
	for i := range req.Topics {
		t := &req.Topics[i]
		kept := t.Partitions[:0]
		for _, p := range t.Partitions {
			l := r.lanes[p.Partition]
			if l == nil || !r.still(l) {
				continue
			}
			version, err := l.fill(&p, req.MemberID)
			if err != nil {
				r.dropped = err
				continue
			}
			r.versions[p.Partition] = version
			kept = append(kept, p)
		}
		t.Partitions = kept
		sent += len(kept)
	}
	if sent == 0 {
		return r.dropped
	}
	return nil
}

// fill writes the lane's position into a request of a member.
func (l *lane) fill(p *kmsg.OffsetCommitRequestTopicPartition, member string) (version uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.version == 0 { // It does not know where it is yet.
		return 0, errNothingToCommit
	}
	if l.member != member {
		l.putOut = true
		l.wakeUp()
		if l.asked != nil {
			l.asked <- errPutOut
			l.asked = nil
		}
		return 0, errPutOut
	}
	m := l.position.mark
	m.By = member
	p.Offset, p.LeaderEpoch, p.Metadata = l.position.at, l.position.epoch, kmsg.StringPtr(m.String())
	return l.version, nil
}

// settle tells every lane what became of its position.
func (r *commitRequest) settle(resp *kmsg.OffsetCommitResponse, err error) error {
	refused := make(map[int32]error, len(r.versions))
	if err == nil {
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				refused[p.Partition] = kerr.ErrorForCode(p.ErrorCode)
			}
		}
	}
	for partition, version := range r.versions {
		failed := err
		if failed == nil {
			failed = refused[partition]
		}
		if failed != nil {
			failed = fmt.Errorf("the broker refused this owner's commit: %w", failed)
			err = failed
		}
		r.lanes[partition].settled(version, failed)
	}
	return err
}
