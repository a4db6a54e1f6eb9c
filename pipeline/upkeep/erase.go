package upkeep

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"sourceloop/control"
	"sourceloop/pipeline/identity"
	"sourceloop/pipeline/session"
	"sourceloop/schema"
)

// known is how long after an erasure was named every process follows it, so
// that nothing of what is deleted then can come in behind.
const known = 2 * time.Second

// again is in the names of parts that do what others did, and are not counted.
const again = "again"

// erasing is how a person is erased. First everybody refuses what names them;
// then hits are deleted, since claims are made from them, and then what was
// made from claims. At night the same is done once more, for rows of a writer
// that was stopped in the middle and went on later, and all goes off the disk.
func (k *Keeper) erasing() []phase {
	return []phase{
		{doing: "finding the person", parts: k.findPerson},
		{doing: "erasing what goes to advertising platforms", begin: k.afterNaming, parts: k.erasePushes},
		{doing: "erasing hits", parts: k.browserParts("browser"), order: k.orderErasedHits},
		{doing: "erasing contacts", parts: only("leads"), order: k.orderErasedLeads},
		{doing: "hiding", parts: k.hide},
		{doing: "erasing hits again", begin: k.nextNight, parts: k.browserParts("browser " + again), order: k.orderErasedHits},
		{doing: "erasing contacts again", parts: only("leads " + again), order: k.orderErasedLeads},
		{doing: "deleting", parts: k.finishErasure},
	}
}

func only(part string) func(context.Context, *control.Task) ([]string, error) {
	return func(context.Context, *control.Task) ([]string, error) { return []string{part}, nil }
}

func (k *Keeper) afterNaming(task *control.Task) time.Time {
	return task.Progress.Since.Time().Add(known)
}

// nextNight is the next time at which the nightly work is done, or now when it
// never is.
func (k *Keeper) nextNight(task *control.Task) time.Time {
	if k.config.Nightly < 0 {
		return time.Time{}
	}
	since := task.Progress.Since.Time().Add(-k.config.Nightly)
	return since.Truncate(24 * time.Hour).Add(24*time.Hour + k.config.Nightly)
}

// findPerson finds all that is known to be the person's, and has every process
// refuse it.
func (k *Keeper) findPerson(ctx context.Context, task *control.Task) ([]string, error) {
	work, err := k.config.Store.ErasureWork(ctx, task)
	if err != nil {
		return nil, err
	}
	task.Progress.Since = schema.MillisOf(k.config.Now())
	if len(work.GetNodes())+len(work.GetBrowsers()) > 0 {
		return nil, nil // It was found before a crash, and is known since.
	}
	found, err := k.person(ctx, task.Workspace, work.GetPart())
	if err != nil {
		return nil, err
	}
	found.Task, found.Workspace, found.Until = task.Run[:], task.Workspace, int64(task.CreatedAt)
	return nil, k.config.Store.NameErased(ctx, task, found)
}

func (k *Keeper) person(ctx context.Context, workspace uint32, target string) (*schema.Erase, error) {
	node := schema.Node(target)
	if node.Kind() == schema.NodeVisitor {
		return &schema.Erase{Browsers: []*schema.Browser{{Visitor: node.Value(), Stretches: []*schema.Stretch{schema.Always()}}}}, nil
	}
	found := &schema.Erase{}
	var id schema.ID
	var err error
	if text, isContact := strings.CutPrefix(target, control.ContactTarget); isContact {
		if id, err = schema.ParseID(text); err != nil {
			return nil, fmt.Errorf("cannot read the contact's id: %w", err)
		}
		found.Contacts = append(found.Contacts, id[:])
	} else {
		found.Nodes = append(found.Nodes, target)
		if id, err = k.config.People.Owner(ctx, workspace, node); err != nil {
			return nil, err
		}
	}
	if !id.IsZero() {
		if err := k.gather(ctx, workspace, id, found); err != nil {
			return nil, err
		}
	}
	return found, k.named(ctx, workspace, found)
}

// gather adds what is a contact's.
func (k *Keeper) gather(ctx context.Context, workspace uint32, id schema.ID, found *schema.Erase) error {
	contact, ids, err := k.config.People.Contact(ctx, workspace, id)
	if err != nil || contact == nil {
		return err
	}
	for _, n := range contact.Nodes {
		if n.Kind() != schema.NodeVisitor && !slices.Contains(found.Nodes, string(n)) {
			found.Nodes = append(found.Nodes, string(n))
		}
	}
	found.Contacts = nil
	for _, id := range ids {
		found.Contacts = append(found.Contacts, id[:])
	}
	browsers, err := k.config.People.Browsers(ctx, workspace, contact.ID)
	for _, b := range browsers {
		found.Browsers = append(found.Browsers, &schema.Browser{Visitor: b.Node.Value(), Stretches: stretches(&b, contact.ID)})
	}
	return err
}

// stretches are the times at which a browser was a contact's.
func stretches(i *schema.Identity, contact schema.ID) []*schema.Stretch {
	var all []*schema.Stretch
	for k, c := range i.Contacts {
		if c != contact {
			continue
		}
		s := schema.Always()
		if k > 0 {
			s.From = int64(i.Since[k])
		}
		if k+1 < len(i.Since) {
			s.To = int64(i.Since[k+1])
		}
		all = append(all, s)
	}
	return all
}

// named adds the browsers in which a hit says that it is the person's.
func (k *Keeper) named(ctx context.Context, workspace uint32, found *schema.Erase) error {
	have := make(map[string]bool)
	for _, b := range found.Browsers {
		have[b.GetVisitor()] = true
	}
	return k.config.People.Traits(ctx, workspace, func(h *schema.Hit) {
		nodes := session.Named(h, h.GetCountry(), identity.Rules{})
		erased := func(n schema.Node) bool { return slices.Contains(found.Nodes, string(n)) }
		if have[h.GetVisitor()] || !identity.NamesErased(nodes, erased) {
			return
		}
		have[h.GetVisitor()] = true
		found.Browsers = append(found.Browsers, &schema.Browser{Visitor: h.GetVisitor()})
	})
}

func (k *Keeper) browserParts(name string) func(context.Context, *control.Task) ([]string, error) {
	return func(ctx context.Context, task *control.Task) ([]string, error) {
		work, err := k.config.Store.ErasureWork(ctx, task)
		var parts []string
		for i := range work.GetBrowsers() {
			parts = append(parts, fmt.Sprintf("%s %d", name, i))
		}
		return parts, err
	}
}

// orderErasedHits asks the owner of one browser's partition.
func (k *Keeper) orderErasedHits(ctx context.Context, task *control.Task, part string) error {
	work, err := k.config.Store.ErasureWork(ctx, task)
	if err != nil {
		return err
	}
	var i int
	if _, err := fmt.Sscan(part[strings.LastIndexByte(part, ' ')+1:], &i); err != nil || i >= len(work.GetBrowsers()) {
		return fmt.Errorf("cannot find the browser of %q", part)
	}
	browser := work.GetBrowsers()[i]
	work.Part, work.Browsers, work.Contacts = part, []*schema.Browser{browser}, nil
	value, err := proto.Marshal(&schema.HitRecord{Body: &schema.HitRecord_Erase{Erase: work}})
	if err != nil {
		return fmt.Errorf("cannot encode an order: %w", err)
	}
	return k.config.Log.Append(ctx, schema.TopicHits, [][]byte{schema.HitKey(task.Workspace, browser.GetVisitor())}, [][]byte{value})
}

// orderErasedLeads asks the owner of the workspace's leads.
func (k *Keeper) orderErasedLeads(ctx context.Context, task *control.Task, part string) error {
	work, err := k.config.Store.ErasureWork(ctx, task)
	if err != nil {
		return err
	}
	work.Part = part
	value, err := proto.Marshal(&schema.LeadRecord{Workspace: task.Workspace, Body: &schema.LeadRecord_Erase{Erase: work}})
	if err != nil {
		return fmt.Errorf("cannot encode an order: %w", err)
	}
	return k.config.Log.Append(ctx, schema.TopicLeads, [][]byte{schema.LeadKey(task.Workspace)}, [][]byte{value})
}

// hide notes that nobody sees the person any more.
func (k *Keeper) hide(ctx context.Context, task *control.Task) ([]string, error) {
	// Until a moment ago the person's conversions stood, and may have been planned anew.
	pushes, err := k.forgetPushes(ctx, task, false)
	if err != nil {
		return nil, err
	}
	p, now := &task.Progress, k.config.Now()
	p.Since, p.Hidden = schema.MillisOf(now), true
	p.Receipt = slices.Concat(k.receipt(task, now), p.Receipt, pushes)
	return nil, nil
}

// finishErasure takes all off the disk and forgets what the erasure was about.
func (k *Keeper) finishErasure(ctx context.Context, task *control.Task) ([]string, error) {
	work, err := k.config.Store.ErasureWork(ctx, task)
	if schema.KindOf(err) == schema.KindUnknown {
		return nil, nil // It was finished before a crash.
	}
	if err != nil {
		return nil, err
	}
	if err := k.config.People.ApplyDeletions(ctx); err != nil {
		return nil, err
	}
	task.Progress.Receipt = append(task.Progress.Receipt, fmt.Sprintf(
		"ClickHouse: taken off the disk since %s.", k.config.Now().UTC().Format(time.RFC3339)))
	return nil, k.config.Store.FinishErasure(ctx, task, work)
}

// receipt says what was done where, and until when something is left.
func (k *Keeper) receipt(task *control.Task, now time.Time) []string {
	c := task.Progress.Counts
	gone := task.CreatedAt.Time().Add(schema.Kept)
	lines := []string{
		fmt.Sprintf("Asked for at %s: what arrived by then is erased, and refused wherever it comes from.", task.CreatedAt.Time().Format(time.RFC3339)),
		fmt.Sprintf("ClickHouse: hidden at %s: %d hits in %d browsers with the sessions made from them, %d claims, %d conversions, %d ids of contacts.",
			now.UTC().Format(time.RFC3339), c["hits"], c["browsers"], c["claims"], c["conversions"], c["contacts"]),
	}
	if night := k.nextNight(task); !night.IsZero() {
		lines = append(lines, fmt.Sprintf("ClickHouse: goes off the disk in the night of %s.", night.Format(time.RFC3339)))
	}
	return append(lines,
		"Redis: the state of these browsers and of the contact is gone.",
		fmt.Sprintf("Kafka, spool and dead letters: every reader drops it; Kafka's own copy is gone by %s, if its topics keep what SourceLoop made them with.", gone.Format(time.DateOnly)),
		"Settings: keyed hashes stay, so that nothing brings the person back; webhooks that wait are dropped when they are finished, within three days.",
		"Backups made before hold it until they are deleted.",
		"Not touched: the chat provider itself. Delete the person there, too.")
}
