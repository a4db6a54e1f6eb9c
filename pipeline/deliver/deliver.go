package deliver

import (
	"context"
	"log/slog"
	"time"

	"sourceloop/control"
	"sourceloop/pipeline/failpoint"
	"sourceloop/schema"
)

// Stage is the name of this stage in metrics and dead letters.
const Stage = "deliver"

// Destinations knows where conversions of a workspace go.
type Destinations interface {
	// ActiveDestinations are all whose connection was not closed, paused ones
	// included.
	ActiveDestinations(ctx context.Context, workspace uint32) ([]control.Destination, error)
}

// Outbox is where pushes are planned.
type Outbox interface {
	PlanPushes(ctx context.Context, pushes []control.Push) error
	// PushesAbout are all pushes of some conversions.
	PushesAbout(ctx context.Context, workspace uint32, conversions []schema.ID) ([]control.Push, error)
	// WithdrawPushes forgets pushes of conversions that were never attempted.
	WithdrawPushes(ctx context.Context, workspace uint32, conversions []schema.ID) error
	// NotePushes says of what was sent what changed afterwards.
	NotePushes(ctx context.Context, workspace uint32, conversion schema.ID, note string) error
}

// Queue hands out pushes that are due.
type Queue interface {
	// TakePushes takes none of the destinations that are busy.
	TakePushes(ctx context.Context, limit, perDestination int, lease time.Duration, busy ...int64) ([]control.Push, error)
	BeginPushes(ctx context.Context, pushes []control.Push) ([]control.Push, error)
	EndPushes(ctx context.Context, results []control.PushResult) error
	WithdrawPushes(ctx context.Context, workspace uint32, conversions []schema.ID) error
	OutboxSizes(ctx context.Context) ([]control.OutboxSize, error)
}

// StageFacts knows where contacts stand in a sale, and who came to a stage.
type StageFacts interface {
	Stages(ctx context.Context, workspace uint32) (map[schema.Node]control.Stage, error)
	TakeStageChanges(ctx context.Context, limit int, lease time.Duration) ([]control.StageChange, error)
	FinishStageChanges(ctx context.Context, changes []control.StageChange) error
}

// Reader reads ClickHouse.
type Reader interface {
	// Standing gives the conversions that are, or were, of some contacts and
	// happened at or after a moment.
	Standing(ctx context.Context, workspace uint32, contacts []schema.ID, since schema.Millis) ([]schema.Standing, error)
	// StandingAfter gives conversions of everybody in the order of (time, id): at
	// most limit that come after one, and where to go on; false at the end.
	StandingAfter(ctx context.Context, workspace uint32, after schema.Place, limit int) (page []schema.Standing, next schema.Place, more bool, err error)
	// Sendables gives some conversions with what they can be matched by. One that
	// is not there has no entry.
	Sendables(ctx context.Context, workspace uint32, conversions []schema.ID) (map[schema.ID]*schema.Sendable, error)
	// Visitors gives the browsers that are a contact's, if only at times.
	Visitors(ctx context.Context, workspace uint32, contacts []schema.ID) (map[schema.ID][]string, error)
	// Heirs gives, for ids of contacts, the contact that each is now; none where
	// it is nobody any more.
	Heirs(ctx context.Context, workspace uint32, contacts []schema.ID) (map[schema.ID]schema.ID, error)
	// Owner is the contact of a node, zero when it is nobody's.
	Owner(ctx context.Context, workspace uint32, node schema.Node) (schema.ID, error)
}

// Progress knows how far the pipeline is, by partition of a topic.
type Progress interface {
	Ends(ctx context.Context, topic string) (map[int32]int64, error) // the next offset to be written
	Done(ctx context.Context, topic string) (map[int32]int64, error) // the next offset to be processed
	// Partition is where a key goes.
	Partition(topic string, key []byte) int32
}

// Platform is an advertising platform; see sinks.Platform, which tells more.
type Platform interface {
	Name() string
	Check(event *schema.Outgoing, now schema.Millis) (schema.Verdict, bool)
	Send(ctx context.Context, target schema.Target, events []schema.Outgoing) []schema.Verdict
	Confirm(ctx context.Context, target schema.Target, receipt string, n int) schema.Verdict
}

// Channel is a platform with what it bears.
type Channel struct {
	Platform
	Batch     int           // events of one request
	Oldest    time.Duration // how long ago an event may have happened
	Remembers time.Duration // how long it tells a repeated id from a new one; 0: not at all
	PerMinute int           // requests of this process; 0: as many as there are
}

// Connections gives tokens, and is told of those that are refused.
type Connections interface {
	// Token is a connection's access token. The error is of KindLimited or
	// KindUnavailable when it may be had later.
	Token(ctx context.Context, connection int64) (string, error)
	// MarkFailed has the card say that the connection does not work.
	MarkFailed(ctx context.Context, connection int64, words string) error
}

// Erasures knows what was erased: nothing of it is sent, also while it is being
// deleted.
type Erasures interface {
	Erased(workspace uint32, node schema.Node, at, arrived schema.Millis) bool
}

// Deps are what planner, stages and sender share.
type Deps struct {
	Destinations Destinations
	Outbox       Outbox
	Queue        Queue
	Stages       StageFacts
	Reader       Reader
	Progress     Progress
	Connections  Connections
	Erasures     Erasures           // nil: nothing was erased
	Channels     map[string]Channel // by the platform's name
	Slog         *slog.Logger
	Now          func() time.Time
	Fail         failpoint.Reach // for tests
}

func (d *Deps) now() schema.Millis { return schema.MillisOf(d.Now()) }

// horizon is the oldest moment that any platform takes an event of.
func (d *Deps) horizon() schema.Millis {
	var oldest time.Duration
	for _, c := range d.Channels {
		oldest = max(oldest, c.Oldest)
	}
	return d.now().Add(-oldest)
}
