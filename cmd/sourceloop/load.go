package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"sourceloop/deploy/load"
	"sourceloop/schema"
)

type loadCommand struct {
	To       string `help:"Address of the collector." required:"" placeholder:"URL"`
	Key      string `help:"The site's public key." required:"" placeholder:"K"`
	Intercom string `help:"Address of the stand-in Intercom; without it nobody chats." placeholder:"URL"`
	Hits     int    `help:"How many distinct hits." default:"20000" placeholder:"N"`
	Visitors int    `help:"How many browsers." default:"2000" placeholder:"N"`
	Chats    int    `help:"How many conversations." default:"100" placeholder:"N"`
	Days     int    `help:"How many days, up to the base, the traffic covers." default:"30" placeholder:"N"`
	Rate     int    `help:"Hits a second, with chats in proportion; as fast as they are acknowledged when 0." default:"0" placeholder:"N"`
	Batch    int    `help:"Hits in one request at most." default:"500" placeholder:"N"`
	Seed     uint64 `help:"The same seed on the same base is the same traffic." default:"1" placeholder:"S"`
	Base     string `help:"Where the traffic ends: a day, the start of today by default." placeholder:"YYYY-MM-DD"`
	Zone     string `help:"The workspace's time zone." default:"UTC"`

	Acknowledged string `help:"File that gets a line for every hit and every conversation as soon as it is acknowledged: hit or conversation, and its id." placeholder:"FILE" type:"path"`
}

// Run sends the traffic; stdout gets what must come out, and nothing else.
func (c *loadCommand) Run(ctx context.Context, log *slog.Logger) error {
	config, err := c.config(time.Now())
	if err != nil {
		return err
	}
	target := load.Target{URL: c.To, Key: c.Key, Intercom: c.Intercom, Rate: c.Rate, Batch: c.Batch}
	if c.Acknowledged != "" {
		f, err := os.OpenFile(c.Acknowledged, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return fmt.Errorf("cannot note what is acknowledged: %w", err)
		}
		defer f.Close()
		target.Acknowledged = f
	}
	account, err := load.Run(ctx, config, target, log)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(account); err != nil {
		return fmt.Errorf("cannot write what must come out: %w", err)
	}
	return nil
}

func (c *loadCommand) config(now time.Time) (load.Config, error) {
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		return load.Config{}, schema.E("load", schema.KindInvalid, "%q is no time zone. Use an IANA name such as Europe/Berlin.", c.Zone)
	}
	config := load.Config{Seed: c.Seed, Base: load.StartOfDay(now, zone), Days: c.Days, Hits: c.Hits, Visitors: c.Visitors, Chats: c.Chats}
	if c.Intercom == "" {
		config.Chats = 0
	}
	if c.Base != "" {
		if config.Base, err = time.ParseInLocation(time.DateOnly, c.Base, zone); err != nil {
			return config, schema.E("load", schema.KindInvalid, "The base %q is no day. Write it as 2026-11-24.", c.Base)
		}
	}
	if config.Base.After(now) {
		return config, errors.New("cannot plan traffic of the future; use a base that has begun")
	}
	return config, config.Validate()
}
