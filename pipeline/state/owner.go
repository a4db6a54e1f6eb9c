package state

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"sourceloop/schema"
)

// Owner is one claim of a partition. It is used by one goroutine.
type Owner struct {
	store    *Store
	tag      string
	floor    func(context.Context) (uint32, error)
	epoch    uint32
	counter  uint32
	applied  int64
	progress schema.Millis
	cold     bool
	known    bool
	saved    string // the run of the server in which the values were saved
	server   string // its present run
}

// Pair is a key and the value to be stored under it.
type Pair struct {
	Key   string
	Value []byte
}

// Applied is the next offset whose effect is not in Redis yet.
func (o *Owner) Applied() int64 { return o.applied }

// Progress is the largest arrival time in the partition's log so far.
func (o *Owner) Progress() schema.Millis { return o.progress }

// Cold tells that values may be missing in Redis that exist in ClickHouse.
func (o *Owner) Cold() bool { return o.cold }

// NextVersion gives a version above every one that was ever given for the
// partition's rows.
func (o *Owner) NextVersion() uint64 {
	if o.store.unsafe.NoVersions {
		return 1
	}
	o.counter++
	return schema.Version(o.epoch, o.counter)
}

// Settle compares what Redis has with what was committed, and makes the
// partition cold when Redis is behind: then the partition's values are deleted.
// So they are when Redis was started anew since they were saved: what came back
// may be older than it was, and the offset cannot tell, since of a stretch that
// was not committed rows may have been written. Settle tells whether an old
// state came back, in which case anything that others read from it may have
// been wrong.
//
// Where no row was ever written there is nothing to lack: the very first start
// is not cold. This is asked after the broker has accepted the owner, since
// rows of a stretch that was committed are stored by then, and those of
// another are read again.
func (o *Owner) Settle(ctx context.Context, committed int64) (old bool, err error) {
	if o.known && o.applied >= committed && o.saved == o.server {
		return false, nil
	}
	o.cold = true
	if !o.known {
		highest, err := o.floor(ctx)
		if err != nil {
			return false, fmt.Errorf("cannot find the highest epoch of %s: %w", o.tag, err)
		}
		o.cold = highest > 0
	}
	old = o.known
	if old {
		o.store.log.Warn("Redis is behind the log or was started anew; starting cold from ClickHouse",
			"partition", o.tag, "applied", o.applied, "committed", committed)
		if err := o.raise(ctx); err != nil {
			return old, err
		}
	}
	if err := o.purge(ctx); err != nil {
		return old, err
	}
	o.saved = o.server // Not before: whoever is cut off here leaves it all to the next one.
	return old, o.run(ctx, committed, o.progress, nil, nil)
}

var raiseScript = redis.NewScript(`
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'epoch', ARGV[2])
return 1
`)

// raise makes sure that the epoch is above all that were ever taken, when the
// one it was counted on from turned out to be old.
func (o *Owner) raise(ctx context.Context) error {
	lowest, err := o.floor(ctx)
	if err != nil {
		return fmt.Errorf("cannot find the highest epoch of %s: %w", o.tag, err)
	}
	if lowest <= o.epoch {
		return nil
	}
	done, err := raiseScript.Run(ctx, o.store.client, []string{ownerKey(o.tag)}, o.epoch, lowest).Int()
	if err != nil {
		return fmt.Errorf("cannot raise the epoch of %s: %w", o.tag, err)
	}
	if done == 0 {
		return fmt.Errorf("%s, epoch %d: %w", o.tag, o.epoch, ErrFenced)
	}
	o.epoch = lowest
	return nil
}

// purge deletes the partition's values, as long as they are the owner's.
func (o *Owner) purge(ctx context.Context) error {
	keys, err := o.store.stored(ctx, o.tag)
	if err != nil {
		return err
	}
	for i, name := range keys {
		keys[i] = name[len(key(o.tag, "")):]
	}
	for some := range slices.Chunk(keys, scriptPairs) {
		if err := o.run(ctx, o.applied, o.progress, nil, some); err != nil {
			return err
		}
	}
	return nil
}

// Get reads values, nil where there is none.
func (o *Owner) Get(ctx context.Context, keys []string) ([][]byte, error) {
	return o.store.Get(ctx, o.tag, keys)
}

// The bounds of one script call.
const (
	scriptPairs = 1000
	scriptBytes = 1 << 20
)

// Save stores pairs, then deletes keys, and moves the applied offset and the
// progress, or returns ErrFenced. Large saves take several scripts, of which
// the last one moves the offset: a crash in between leaves the first of the
// pairs stored, in their order and with all keys that were to be deleted, and
// repeating must make that whole.
func (o *Owner) Save(ctx context.Context, applied int64, progress schema.Millis, pairs []Pair, deletions []string) error {
	applied, progress = max(applied, o.applied), max(progress, o.progress)
	for n := chunk(pairs); n < len(pairs); n = chunk(pairs) {
		if err := o.run(ctx, o.applied, o.progress, pairs[:n], nil); err != nil {
			return err
		}
		pairs = pairs[n:]
	}
	for len(deletions) > scriptPairs {
		if err := o.run(ctx, o.applied, o.progress, pairs, deletions[:scriptPairs]); err != nil {
			return err
		}
		pairs, deletions = nil, deletions[scriptPairs:]
	}
	return o.run(ctx, applied, progress, pairs, deletions)
}

func chunk(pairs []Pair) int {
	size := 0
	for i := range pairs {
		size += len(pairs[i].Key) + len(pairs[i].Value)
		if i == scriptPairs || (i > 0 && size > scriptBytes) {
			return i
		}
	}
	return len(pairs)
}

var saveScript = redis.NewScript(`
local own = redis.call('HMGET', KEYS[1], 'epoch', 'applied')
if own[1] ~= ARGV[1] or (own[2] or '0') ~= ARGV[2] then return 0 end
local sets = tonumber(ARGV[6])
if sets > 0 then
  local args = {}
  for i = 1, sets do
    args[2*i-1] = KEYS[1+i]
    args[2*i] = ARGV[6+i]
  end
  redis.call('MSET', unpack(args))
end
if #KEYS > 1 + sets then
  local dead = {}
  for i = 2 + sets, #KEYS do dead[#dead+1] = KEYS[i] end
  redis.call('DEL', unpack(dead))
end
redis.call('HSET', KEYS[1], 'applied', ARGV[3], 'progress', ARGV[4], 'cold', ARGV[5], 'run', ARGV[7 + sets])
return 1
`)

func (o *Owner) run(ctx context.Context, applied int64, progress schema.Millis, pairs []Pair, deletions []string) error {
	keys := make([]string, 0, 1+len(pairs)+len(deletions))
	keys = append(keys, ownerKey(o.tag))
	cold := 0
	if o.cold {
		cold = 1
	}
	args := make([]any, 0, 7+len(pairs))
	args = append(args, o.epoch, o.applied, applied, int64(progress), cold, len(pairs))
	for i := range pairs {
		keys = append(keys, key(o.tag, pairs[i].Key))
		args = append(args, pairs[i].Value)
	}
	args = append(args, o.saved)
	for _, k := range deletions {
		keys = append(keys, key(o.tag, k))
	}
	if err := o.script(ctx, "save", saveScript, keys, args); err != nil {
		return err
	}
	o.applied, o.progress, o.known = applied, progress, true
	return nil
}

// script runs a script whose first argument is the epoch, and that returns 0
// when the partition is not the owner's any more.
func (o *Owner) script(ctx context.Context, op string, script *redis.Script, keys []string, args []any) error {
	if o.store.unsafe.NoEpochs {
		present, err := o.store.client.HGet(ctx, ownerKey(o.tag), "epoch").Result()
		if err != nil {
			return fmt.Errorf("cannot read the epoch of %s: %w", o.tag, err)
		}
		args[0] = present
	}
	start := time.Now()
	done, err := script.Run(ctx, o.store.client, keys, args...).Int()
	o.store.observe(op, start)
	if err != nil {
		return fmt.Errorf("cannot %s values of %s: %w", op, o.tag, err)
	}
	if done == 0 {
		return fmt.Errorf("%s, epoch %d: %w", o.tag, o.epoch, ErrFenced)
	}
	return nil
}

// Check returns ErrFenced when the partition has another owner by now.
func (o *Owner) Check(ctx context.Context) error {
	start := time.Now()
	fields, err := o.store.client.HMGet(ctx, ownerKey(o.tag), "epoch", "applied").Result()
	o.store.observe("check", start)
	if err != nil {
		return fmt.Errorf("cannot find the owner of %s: %w", o.tag, err)
	}
	epoch, applied := strconv.FormatUint(uint64(o.epoch), 10), strconv.FormatInt(o.applied, 10)
	if fields[0] != epoch || fields[1] != applied && (fields[1] != nil || o.applied != 0) {
		return fmt.Errorf("%s, epoch %d: %w", o.tag, o.epoch, ErrFenced)
	}
	return nil
}

// Warmed records that everything ClickHouse knows of the partition is in Redis
// again, so that what is missing does not exist.
func (o *Owner) Warmed(ctx context.Context) error {
	o.cold = false
	return o.run(ctx, o.applied, o.progress, nil, nil)
}
