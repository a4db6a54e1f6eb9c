package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"sourceloop/deploy/embedded"
	"sourceloop/schema"
)

// addresses are where the embedded engines of a running process listen, for
// commands beside it. They lie in the data folder, readable by its owner only,
// from when the engines are up until they stop; a process that was killed
// leaves them behind, but not the lock on the folder. Engines elsewhere are not
// among them: whoever wants to reach those says where they are.
type addresses struct {
	Kafka      string `json:"kafka,omitempty"`
	Redis      string `json:"redis,omitempty"`
	ClickHouse string `json:"clickhouse,omitempty"` // with the password of this run
	BI         string `json:"bi,omitempty"`         // ClickHouse's HTTP interface, for users of sourceloop bi
}

func addressesFile(dir string) string { return filepath.Join(dir, "engines.json") }

// write makes the addresses appear at once and whole.
func (a *addresses) write(dir string) error {
	text, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("cannot write where the engines listen: %w", err)
	}
	fresh := addressesFile(dir) + ".new"
	if err := os.WriteFile(fresh, text, 0o600); err != nil {
		return fmt.Errorf("cannot write where the engines listen: %w", err)
	}
	if err := os.Rename(fresh, addressesFile(dir)); err != nil {
		return fmt.Errorf("cannot write where the engines listen: %w", err)
	}
	return nil
}

func forgetAddresses(dir string) error {
	if err := os.Remove(addressesFile(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove where the engines listened: %w", err)
	}
	return nil
}

// startPatience is how long a command waits for a process that holds the
// folder to have its engines up.
const startPatience = 30 * time.Second

// reachEngines finds the engines that a command beside "serve" needs: where the
// flags say; else those that a process runs which works on this folder now;
// else it starts them itself for as long as the command takes. Close the result.
func reachEngines(ctx context.Context, need engineSet, flags engineFlags, dir string, log *slog.Logger) (*engines, error) {
	if need&^flags.outside() == 0 {
		e := &engines{log: log}
		return e, e.outside(flags)
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, schema.E("reach", schema.KindInvalid,
			"There is no data folder %s. Name the one that serve works on with --data, or the engines' addresses.", dir)
	}
	deadline := time.Now().Add(startPatience)
	for {
		e, err := startEngines(ctx, need, flags, dir, log)
		if !errors.Is(err, embedded.ErrInUse) {
			return e, err
		}
		if e, err = runningEngines(ctx, need, flags, dir, log); !errors.Is(err, fs.ErrNotExist) {
			return e, err
		}
		if time.Now().After(deadline) {
			return nil, schema.E("reach", schema.KindUnavailable,
				"A process works on the data folder %s, but its engines are not up. Wait until it is ready, or stop it, and try again.", dir)
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// outside tells which engines the flags place elsewhere.
func (f *engineFlags) outside() engineSet {
	var set engineSet
	for engine, there := range map[engineSet]bool{
		needKafka: len(f.Kafka) > 0, needRedis: len(f.Redis) > 0, needClickHouse: f.ClickHouse != "", needDatabase: f.Database != "",
	} {
		if there {
			set |= engine
		}
	}
	return set
}

// outside takes the addresses of the engines that the flags place elsewhere.
func (e *engines) outside(flags engineFlags) error {
	e.kafka, e.redis, e.database = flags.Kafka, flags.Redis, flags.Database
	if flags.ClickHouse == "" {
		return nil
	}
	address, err := parseClickHouse(flags.ClickHouse)
	e.clickhouse = address
	return err
}

// runningEngines reads where the engines of the process listen that works on
// the folder. Without a file they are not up yet.
func runningEngines(ctx context.Context, need engineSet, flags engineFlags, dir string, log *slog.Logger) (*engines, error) {
	text, err := os.ReadFile(addressesFile(dir))
	if err != nil {
		return nil, fmt.Errorf("cannot read where the engines listen: %w", err)
	}
	var found addresses
	if err := json.Unmarshal(text, &found); err != nil {
		return nil, fmt.Errorf("cannot read where the engines listen, %s is damaged: %w", addressesFile(dir), err)
	}
	e := &engines{log: log}
	if err := e.startDatabase(ctx, flags, dir); err != nil {
		return nil, err
	}
	flags.Database = e.database
	return e, e.join(need, flags, found)
}

// join takes what the flags say and, for the rest, what another process runs.
func (e *engines) join(need engineSet, flags engineFlags, found addresses) error {
	if flags.ClickHouse == "" {
		flags.ClickHouse = found.ClickHouse
	}
	if len(flags.Redis) == 0 && found.Redis != "" {
		flags.Redis = []string{found.Redis}
	}
	if len(flags.Kafka) == 0 && found.Kafka != "" {
		flags.Kafka, e.topicConfigs = []string{found.Kafka}, embedded.KafkaTopicConfigs()
	}
	if need&^flags.outside() != 0 {
		return schema.E("reach", schema.KindInvalid,
			"The process that works on this data folder uses engines elsewhere. Say where they are, as it was told: "+
				"SOURCELOOP_KAFKA, SOURCELOOP_REDIS, SOURCELOOP_CLICKHOUSE.")
	}
	return e.outside(flags)
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
