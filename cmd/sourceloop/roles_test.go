package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sourceloop/control/seal"
	"sourceloop/schema"
)

// outside are addresses of engines that other processes see, too.
func outside() engineFlags {
	return engineFlags{
		Kafka: []string{"127.0.0.1:1"}, Redis: []string{"127.0.0.1:2"},
		ClickHouse: "clickhouse://127.0.0.1:3/sourceloop", Database: "postgres://127.0.0.1:4/sourceloop",
	}
}

func TestRolesThatCannotWorkAreRefusedWithWhatIsMissing(t *testing.T) {
	all := []string{roleQuery, roleCollect, rolePipeline}
	for name, c := range map[string]struct {
		roles  []string
		change func(*nodeConfig)
		words  string // of the refusal; none when empty
	}{
		"everything embedded":             {all, func(c *nodeConfig) { c.engines, c.settings.Keys = engineFlags{}, "" }, ""},
		"everything with one outside":     {all, func(c *nodeConfig) { c.engines = engineFlags{Kafka: []string{"127.0.0.1:1"}} }, ""},
		"collect":                         {[]string{roleCollect}, func(*nodeConfig) {}, ""},
		"collect without what others use": {[]string{roleCollect}, func(c *nodeConfig) { c.engines.Redis, c.engines.ClickHouse, c.settings.Keys = nil, "", "" }, ""},
		"collect without Kafka":           {[]string{roleCollect}, func(c *nodeConfig) { c.engines.Kafka = nil }, "SOURCELOOP_KAFKA"},
		"collect without settings":        {[]string{roleCollect}, func(c *nodeConfig) { c.engines.Database = "" }, "SOURCELOOP_DATABASE"},
		"pipeline":                        {[]string{rolePipeline}, func(*nodeConfig) {}, ""},
		"pipeline without Redis":          {[]string{rolePipeline}, func(c *nodeConfig) { c.engines.Redis = nil }, "SOURCELOOP_REDIS"},
		"pipeline without anything": {[]string{rolePipeline}, func(c *nodeConfig) { c.engines, c.settings.Keys = engineFlags{}, "" },
			"SOURCELOOP_DATABASE, SOURCELOOP_KAFKA, SOURCELOOP_REDIS, SOURCELOOP_CLICKHOUSE, SOURCELOOP_KEYS"},
		"pipeline without keys":       {[]string{rolePipeline}, func(c *nodeConfig) { c.settings.Keys = "" }, "SOURCELOOP_KEYS"},
		"query":                       {[]string{roleQuery}, func(c *nodeConfig) { c.engines.Redis = nil }, ""},
		"query without ClickHouse":    {[]string{roleQuery}, func(c *nodeConfig) { c.engines.ClickHouse = "" }, "SOURCELOOP_CLICKHOUSE"},
		"two roles without Kafka":     {[]string{roleCollect, rolePipeline}, func(c *nodeConfig) { c.engines.Kafka = nil }, "SOURCELOOP_KAFKA"},
		"no role":                     {nil, func(*nodeConfig) {}, "No role"},
		"a role that there is none":   {[]string{"collector"}, func(*nodeConfig) {}, `"collector"`},
		"a drain delay below nothing": {all, func(c *nodeConfig) { c.settings.DrainDelay = -time.Second }, "drain delay"},
	} {
		t.Run(name, func(t *testing.T) {
			config := nodeConfig{roles: c.roles, data: t.TempDir(), engines: outside(), settings: settingFlags{Keys: seal.NewKey()}}
			c.change(&config)
			err := config.check()
			switch {
			case c.words == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.words != "" && (schema.KindOf(err) != schema.KindInvalid || !strings.Contains(err.Error(), c.words)):
				t.Errorf("got %v, want a refusal that says %q", err, c.words)
			}
		})
	}
}

// A settings database and keys that are there already are somebody's decision.
func TestAFolderThatIsThereIsUsedByOneRoleToo(t *testing.T) {
	config := nodeConfig{roles: []string{rolePipeline}, data: t.TempDir(), engines: outside()}
	config.engines.Database = ""
	for _, name := range []string{"settings.db", "keys"} {
		if config.check() == nil {
			t.Error("not refused without ", name)
		}
		if err := os.WriteFile(filepath.Join(config.data, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := config.check(); err != nil {
		t.Error(err)
	}
}

// A process with everything outside needs no folder, so that two of them can
// be started beside each other with no settings about it.
func TestAProcessThatKeepsNothingLeavesTheFolderAlone(t *testing.T) {
	for role, keeps := range map[string]bool{roleCollect: true, rolePipeline: false, roleQuery: false} {
		config := nodeConfig{roles: []string{role}, engines: outside(), settings: settingFlags{Keys: seal.NewKey()}}
		if config.keepsNothing() == keeps {
			t.Errorf("%s: keeps nothing is %t", role, !keeps)
		}
		config.settings.Keys = ""
		if config.keepsNothing() {
			t.Errorf("%s: keeps nothing without keys from elsewhere", role)
		}
	}
}
