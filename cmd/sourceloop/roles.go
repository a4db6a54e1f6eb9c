package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sourceloop/control/seal"
	"sourceloop/schema"
)

// The roles a process can have; each can run alone and many times.
const (
	roleCollect  = "collect"
	rolePipeline = "pipeline"
	roleQuery    = "query"
)

func allRoles() []string { return []string{roleCollect, rolePipeline, roleQuery} }

// needs are the engines that a role works with. The collector asks the
// settings whose a key or a webhook is; the API says what becomes of webhooks
// that were set aside and takes conversions, both through Kafka.
func needs(role string) engineSet {
	switch role {
	case roleCollect:
		return needDatabase | needKafka
	case roleQuery:
		return needDatabase | needKafka | needClickHouse
	default:
		return needAll
	}
}

func (c *nodeConfig) has(role string) bool { return slices.Contains(c.roles, role) }

// whole tells whether this process does everything, so that nobody else has to
// see its embedded engines.
func (c *nodeConfig) whole() bool {
	return !slices.ContainsFunc(allRoles(), func(role string) bool { return !c.has(role) })
}

// need are the engines that the roles of this process work with.
func (c *nodeConfig) need() engineSet {
	var set engineSet
	for _, role := range c.roles {
		set |= needs(role)
	}
	return set
}

// seals tells whether this process seals and opens tokens. A collector alone
// does not, so that the process that strangers talk to needs no key.
func (c *nodeConfig) seals() bool { return c.has(rolePipeline) || c.has(roleQuery) }

func (c *nodeConfig) check() error {
	for _, r := range c.roles {
		if !slices.Contains(allRoles(), r) {
			return schema.E("serve", schema.KindInvalid, "There is no role %q. The roles are collect, pipeline and query.", r)
		}
	}
	if len(c.roles) == 0 {
		return schema.E("serve", schema.KindInvalid, "No role was given. The roles are collect, pipeline and query.")
	}
	if c.settings.DrainDelay < 0 {
		return schema.E("serve", schema.KindInvalid, "The drain delay is negative. Give the time that your balancer needs, such as 5s, or 0s.")
	}
	if c.whole() {
		return nil
	}
	return c.checkSplit()
}

// checkSplit refuses what can't work when other processes have the other
// roles: an engine, a settings database or a key of this process's own, which
// those would never see. A settings database or a key file that is in the
// folder already is somebody's decision.
func (c *nodeConfig) checkSplit() error {
	var missing []string
	private := c.need() &^ c.engines.outside()
	if private&needDatabase != 0 && c.lacks("settings.db") {
		missing = append(missing, "SOURCELOOP_DATABASE")
	}
	for _, engine := range []struct {
		set  engineSet
		name string
	}{{needKafka, "SOURCELOOP_KAFKA"}, {needRedis, "SOURCELOOP_REDIS"}, {needClickHouse, "SOURCELOOP_CLICKHOUSE"}} {
		if private&engine.set != 0 {
			missing = append(missing, engine.name)
		}
	}
	if c.seals() && c.settings.Keys == "" && c.settings.KeysFile == "" && c.lacks("keys") {
		missing = append(missing, "SOURCELOOP_KEYS")
	}
	if len(missing) == 0 {
		return nil
	}
	return schema.E("serve", schema.KindInvalid,
		"With the roles %s alone, this process needs what the processes with the other roles have, too: set %s to the same as there. "+
			"Otherwise it would use ones of its own that nobody else sees. Or let one process have all roles: collect,pipeline,query.",
		strings.Join(c.roles, ", "), strings.Join(missing, ", "))
}

func (c *nodeConfig) lacks(name string) bool {
	_, err := os.Stat(filepath.Join(c.data, name))
	return errors.Is(err, fs.ErrNotExist)
}

// ring gives the keys that tokens are sealed with; to a process that seals
// none, a key that nothing is sealed with.
func (c *nodeConfig) ring() (*seal.Ring, error) {
	switch {
	case !c.seals():
		return seal.Parse(seal.NewKey())
	case c.settings.Keys != "":
		return seal.Parse(c.settings.Keys)
	default:
		return seal.OpenFile(c.keysFile())
	}
}

// keepsNothing tells whether the process leaves its data folder alone, which
// then need not be there.
func (c *nodeConfig) keepsNothing() bool {
	ownKeys := c.seals() && c.settings.Keys == "" && c.settings.KeysFile == ""
	return !c.has(roleCollect) && !ownKeys && c.need()&^c.engines.outside() == 0
}

// reach starts the embedded engines that the process needs, and knows where the
// others are.
func (c *nodeConfig) reach(ctx context.Context, log *slog.Logger) (*engines, error) {
	if !c.keepsNothing() {
		return startEngines(ctx, c.need(), c.engines, c.data, log)
	}
	e := &engines{log: log}
	return e, e.outside(c.engines)
}
