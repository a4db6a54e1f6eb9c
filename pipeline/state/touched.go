package state

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// What was touched on a day is remembered beside the values, so that what was
// not touched for long can be found without looking through all of Redis:
//
//	{h12}:t          set: the days there are
//	{h12}:t:20780    set: keys of values touched on that day of the log
//
// A key may stand in several days, and in one in which it was not stored after
// all: whoever takes a day looks at the values.

const daysKey = "t"

func dayKey(day int32) string { return daysKey + ":" + strconv.Itoa(int(day)) }

var touchScript = redis.NewScript(`
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
redis.call('SADD', KEYS[2], ARGV[2])
for i = 3, #ARGV, 1000 do
  redis.call('SADD', KEYS[3], unpack(ARGV, i, math.min(i + 999, #ARGV)))
end
return 1
`)

// Touch remembers that values are touched on a day. It comes before they are
// saved: a crash in between leaves a key too many, never one too few.
func (o *Owner) Touch(ctx context.Context, day int32, keys []string) error {
	for some := range slices.Chunk(keys, scriptPairs) {
		args := make([]any, 0, 2+len(some))
		args = append(args, o.epoch, day)
		for _, k := range some {
			args = append(args, k)
		}
		names := []string{ownerKey(o.tag), key(o.tag, daysKey), key(o.tag, dayKey(day))}
		if err := o.script(ctx, "touch", touchScript, names, args); err != nil {
			return err
		}
	}
	return nil
}

// Days are the days of which Touch remembers something, the oldest first.
func (o *Owner) Days(ctx context.Context) ([]int32, error) {
	texts, err := o.store.client.SMembers(ctx, key(o.tag, daysKey)).Result()
	if err != nil {
		return nil, fmt.Errorf("cannot read the days of %s: %w", o.tag, err)
	}
	days := make([]int32, 0, len(texts))
	for _, text := range texts {
		day, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("cannot read the days of %s: %w", o.tag, err)
		}
		days = append(days, int32(day))
	}
	slices.Sort(days)
	return days, nil
}

// TouchedOn gives at most limit of the keys that were touched on a day.
func (o *Owner) TouchedOn(ctx context.Context, day int32, limit int) ([]string, error) {
	keys, err := o.store.client.SRandMemberN(ctx, key(o.tag, dayKey(day)), int64(limit)).Result()
	if err != nil {
		return nil, fmt.Errorf("cannot read what was touched in %s: %w", o.tag, err)
	}
	return keys, nil
}

// A partition of which values are dropped is cold from then on.
var dropScript = redis.NewScript(`
local own = redis.call('HMGET', KEYS[1], 'epoch', 'applied')
if own[1] ~= ARGV[1] or (own[2] or '0') ~= ARGV[2] then return 0 end
local looked = tonumber(ARGV[4])
if #KEYS > 3 then
  redis.call('HSET', KEYS[1], 'cold', 1)
  redis.call('DEL', unpack(KEYS, 4))
end
if looked > 0 then redis.call('SREM', KEYS[3], unpack(ARGV, 5, 4 + looked)) end
if redis.call('SCARD', KEYS[3]) == 0 then redis.call('SREM', KEYS[2], ARGV[3]) end
return 1
`)

// Drop deletes values that whoever misses them finds in ClickHouse, and forgets
// that looked were touched on a day. Both are at most what one call of
// TouchedOn with a limit of 1,000 gives.
func (o *Owner) Drop(ctx context.Context, day int32, looked, dead []string) error {
	names := append([]string{ownerKey(o.tag), key(o.tag, daysKey), key(o.tag, dayKey(day))}, full(o.tag, dead)...)
	args := make([]any, 0, 4+len(looked))
	args = append(args, o.epoch, o.applied, day, len(looked))
	for _, k := range looked {
		args = append(args, k)
	}
	if err := o.script(ctx, "drop", dropScript, names, args); err != nil {
		return err
	}
	o.cold = o.cold || len(dead) > 0
	return nil
}
