package control

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"math"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"sourceloop/schema"
)

// EraseTask deletes what concerns a person.
const EraseTask TaskKind = "erase"

// ContactTarget begins the target of an erasure that names a contact by its id;
// any other target is a node.
const ContactTarget = "contact:"

// erasureSecret is the name of the key that erased nodes are hashed with.
const erasureSecret = "erased nodes"

// RequestErasure asks for everything to be deleted that concerns a person and
// has arrived by now. The target is a normalised node, or ContactTarget and a
// contact's id; a browser is erased alone, anything else with all that is known
// to be the same person's.
func (s *Store) RequestErasure(ctx context.Context, who Principal, target string) (Task, error) {
	const op = "ask for an erasure"
	if err := who.Require(op, Erase); err != nil {
		return Task{}, err
	}
	kind, value, _ := strings.Cut(target, ":")
	if kind == "" || value == "" {
		return Task{}, schema.E(op, schema.KindInvalid, "It is not clear who is to be erased. Name an email, a phone, a visitor or a contact.")
	}
	var task Task
	err := s.update(ctx, op, func(t *tx) (err error) {
		task, _, err = t.addErasure(ctx, s, "", who, target)
		return err
	})
	return task, err
}

// EraseAsTold erases a provider's contact, and who is known to be the same
// person, since the provider told that they made use of their right. However
// often it tells, it is asked for once.
func (s *Store) EraseAsTold(ctx context.Context, workspace uint32, contact schema.Node) error {
	name := schema.Derive("told to erase", strconv.FormatUint(uint64(workspace), 10), string(contact)).String()
	return s.update(ctx, "erase as a provider told", func(t *tx) error {
		_, _, err := t.addErasure(ctx, s, name, Principal{Workspace: workspace}, string(contact))
		return err
	})
}

// addErasure asks for an erasure, under a name only once.
func (t *tx) addErasure(ctx context.Context, s *Store, name string, who Principal, target string) (Task, bool, error) {
	task, added, err := t.addTask(ctx, name, EraseTask, who.Workspace, TaskBody{}, who.User)
	if err != nil || !added {
		return task, added, err
	}
	if err := t.putWork(ctx, s, task.ID, &schema.Erase{Workspace: who.Workspace, Part: target}); err != nil {
		return task, added, err
	}
	return task, added, t.audit(ctx, who, "erasure asked for", fmt.Sprintf("task %d", task.ID))
}

// Erasures are those of the principal's workspace, the newest first, at most
// limit.
func (s *Store) Erasures(ctx context.Context, who Principal, limit int) ([]Task, error) {
	const op = "list erasures"
	if err := who.Require(op, Erase); err != nil {
		return nil, err
	}
	all, err := s.tasksOf(ctx, who.Workspace, EraseTask, limit)
	return all, failed(op, err)
}

// ErasedSince is how many conversions of the principal's workspace went with the
// people who were erased since a moment.
func (s *Store) ErasedSince(ctx context.Context, who Principal, since schema.Millis) (uint64, error) {
	const op = "count what was erased"
	if err := who.Require(op, Read); err != nil {
		return 0, err
	}
	tasks, err := s.tasksOf(ctx, who.Workspace, EraseTask, math.MaxInt32)
	var all uint64
	for _, task := range tasks {
		if task.CreatedAt >= since || task.FinishedAt >= since || !task.Finished {
			all += task.Progress.Counts["conversions"]
		}
	}
	return all, failed(op, err)
}

func workOwner(task int64) []string { return []string{"erasure", strconv.FormatInt(task, 10)} }

func (t *tx) putWork(ctx context.Context, s *Store, task int64, work *schema.Erase) error {
	body, err := proto.Marshal(work)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "erasure_work_put", task, s.keys.Seal(body, workOwner(task)...))
	return err
}

// ErasureWork opens what an erasure is about. Until NameErased was called that
// is its target alone, as the part.
func (s *Store) ErasureWork(ctx context.Context, task *Task) (*schema.Erase, error) {
	const op = "open an erasure"
	var sealed []byte
	found, err := s.reader().one(ctx, "erasure_work_get", []any{task.ID}, &sealed)
	if err != nil {
		return nil, failed(op, err)
	}
	if !found {
		return nil, schema.E(op, schema.KindUnknown, "Of the erasure %d nothing is left to be done.", task.ID)
	}
	body, err := s.keys.Open(sealed, workOwner(task.ID)...)
	if err != nil {
		e := schema.E(op, schema.KindInternal, "The erasure %d cannot be opened with the keys at hand. Give the key it was sealed with, or ask for it again.", task.ID)
		e.Err = err
		return nil, e
	}
	work := new(schema.Erase)
	return work, failed(op, proto.Unmarshal(body, work))
}

// NameErased says whom an erasure is about. From now on every process refuses
// what concerns them and arrived by the time at which it was asked for, and
// nothing that waits is told of them.
func (s *Store) NameErased(ctx context.Context, task *Task, work *schema.Erase) error {
	return s.update(ctx, "name who is erased", func(t *tx) error {
		key, err := s.erasureKey(ctx, t)
		if err != nil {
			return err
		}
		if err := t.change(ctx, task.Workspace, "erasure"); err != nil {
			return err
		}
		add := func(node schema.Node, stretch *schema.Stretch) error {
			_, err := t.exec(ctx, "erased_insert", task.ID, int64(task.Workspace), hashNode(key, task.Workspace, node),
				stretch.GetFrom(), stretch.GetTo(), int64(task.CreatedAt))
			return err
		}
		for _, n := range work.GetNodes() {
			if err := add(schema.Node(n), schema.Always()); err != nil {
				return err
			}
		}
		for _, b := range work.GetBrowsers() {
			for _, stretch := range b.GetStretches() {
				if err := add(schema.NewNode(schema.NodeVisitor, b.GetVisitor()), stretch); err != nil {
					return err
				}
			}
		}
		if err := t.eraseDeliveries(ctx, work.GetContacts()); err != nil {
			return err
		}
		return t.putWork(ctx, s, task.ID, work)
	})
}

// FinishErasure deletes what the settings database has of a person: where they
// stand in a sale, what receivers of webhooks were told of since, and, at last,
// what the erasure was about.
func (s *Store) FinishErasure(ctx context.Context, task *Task, work *schema.Erase) error {
	const op = "finish an erasure"
	err := s.update(ctx, op, func(t *tx) error {
		for _, n := range work.GetNodes() {
			for _, step := range []string{"stage_delete", "stage_changes_erase", "stage_firsts_erase"} {
				if _, err := t.exec(ctx, step, int64(task.Workspace), n); err != nil {
					return err
				}
			}
		}
		if err := t.eraseDeliveries(ctx, work.GetContacts()); err != nil {
			return err
		}
		_, err := t.exec(ctx, "erasure_work_delete", task.ID)
		return err
	})
	if err != nil {
		return err
	}
	return failed(op, s.scrub(ctx))
}

// erasureKey is the secret that nodes are hashed with; it is made when there is
// none.
func (s *Store) erasureKey(ctx context.Context, t *tx) ([]byte, error) {
	var fresh [32]byte
	_, _ = rand.Read(fresh[:]) // Never fails, see newSecret.
	if _, err := t.exec(ctx, "secret_put", erasureSecret, s.keys.Seal(fresh[:], "secret", erasureSecret)); err != nil {
		return nil, err
	}
	return s.openErasureKey(ctx, t.runner)
}

func (s *Store) openErasureKey(ctx context.Context, r runner) ([]byte, error) {
	var sealed []byte
	if _, err := r.one(ctx, "secret_get", []any{erasureSecret}, &sealed); err != nil {
		return nil, err
	}
	key, err := s.keys.Open(sealed, "secret", erasureSecret)
	if err != nil {
		e := schema.E("read the erasures", schema.KindInternal, "The key that erased people are known by cannot be opened with the keys at hand, "+
			"so that they could come back. Give the key it was sealed with.")
		e.Err = err
		return nil, e
	}
	return key, nil
}

func hashNode(key []byte, workspace uint32, node schema.Node) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(strconv.AppendUint(nil, uint64(workspace), 10))
	mac.Write([]byte{'/'})
	mac.Write([]byte(node))
	return mac.Sum(nil)
}

// resealErasures seals the erasures' secrets with the ring's first key.
func (t *tx) resealErasures(ctx context.Context, s *Store) (int, error) {
	count := 0
	var key []byte
	found, err := t.one(ctx, "secret_get", []any{erasureSecret}, &key)
	if err != nil {
		return 0, err
	}
	if found && s.keys.Stale(key) {
		opened, err := s.openErasureKey(ctx, t.runner)
		if err != nil {
			return 0, err
		}
		if _, err := t.exec(ctx, "secret_reseal", erasureSecret, s.keys.Seal(opened, "secret", erasureSecret)); err != nil {
			return 0, err
		}
		count++
	}
	open := map[int64][]byte{}
	err = t.each(ctx, "erasure_work_all", nil, func(scan func(...any) error) error {
		var task int64
		var sealed []byte
		err := scan(&task, &sealed)
		open[task] = sealed
		return err
	})
	for task, sealed := range open {
		body, opens := s.keys.Open(sealed, workOwner(task)...)
		if err != nil || opens != nil || !s.keys.Stale(sealed) {
			continue // One that does not open says so when it is its turn.
		}
		_, err = t.exec(ctx, "erasure_work_put", task, s.keys.Seal(body, workOwner(task)...))
		count++
	}
	return count, err
}

// erasures are what was erased in one workspace.
type erasures struct {
	until schema.Millis // the newest one's time
	spans map[[sha256.Size]byte][]span
}

// span is the time of one erased node: what happened in [since, until) and
// arrived by then.
type span struct{ since, until, arrived schema.Millis }

func (n *snapshot) loadErased(ctx context.Context, r runner) error {
	return r.each(ctx, "erased_all", nil, func(scan func(...any) error) error {
		var workspace int64
		var hash []byte
		var s span
		if err := scan(&workspace, &hash, &s.since, &s.until, &s.arrived); err != nil {
			return err
		}
		e := n.erased[uint32(workspace)]
		if e == nil {
			e = &erasures{until: math.MinInt64, spans: map[[sha256.Size]byte][]span{}}
			n.erased[uint32(workspace)] = e
		}
		e.until = max(e.until, s.arrived)
		key := [sha256.Size]byte(hash)
		e.spans[key] = append(e.spans[key], s)
		return nil
	})
}

// loadErasureKey is nil where nothing was ever erased.
func (n *snapshot) loadErasureKey(ctx context.Context, s *Store, r runner) (err error) {
	if len(n.erased) > 0 {
		n.erasureKey, err = s.openErasureKey(ctx, r)
	}
	return err
}

// Erased tells whether what concerns a node, happened at a moment and arrived at
// another was erased.
func (d *Directory) Erased(workspace uint32, node schema.Node, at, arrived schema.Millis) bool {
	n := d.current.Load()
	e := n.erased[workspace]
	if e == nil || arrived > e.until {
		return false
	}
	for _, s := range e.spans[[sha256.Size]byte(hashNode(n.erasureKey, workspace, node))] {
		if s.since <= at && at < s.until && arrived <= s.arrived {
			return true
		}
	}
	return false
}

// ErasedUntil is the latest arrival that can have been erased in a workspace; 0
// where nothing was.
func (d *Directory) ErasedUntil(workspace uint32) schema.Millis {
	if e := d.current.Load().erased[workspace]; e != nil {
		return e.until
	}
	return 0
}
