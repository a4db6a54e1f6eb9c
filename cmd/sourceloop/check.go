package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"sourceloop/deploy/load"
	"sourceloop/deploy/load/check"
)

type checkCommand struct {
	To       string        `help:"Address of the API." required:"" placeholder:"URL"`
	APIKey   string        `help:"An API key of the workspace." required:"" placeholder:"K" env:"SOURCELOOP_API_KEY"`
	Expected string        `help:"What must come out, as load printed it." required:"" placeholder:"FILE" type:"existingfile"`
	Patience time.Duration `help:"How long to ask again while nothing changes." default:"60s"`
}

// Run compares until there is no difference, or until nothing has changed for a while.
func (c *checkCommand) Run(ctx context.Context) error {
	text, err := os.ReadFile(c.Expected)
	if err != nil {
		return fmt.Errorf("cannot read what must come out: %w", err)
	}
	var account load.Account
	if err := json.Unmarshal(text, &account); err != nil {
		return fmt.Errorf("cannot read what must come out; %s is not what load prints: %w", c.Expected, err)
	}
	begun := time.Now()
	report, err := check.Until(ctx, check.NewAPI(c.To, c.APIKey), &account, c.Patience)
	if err != nil {
		return err
	}
	for _, difference := range report.Differences {
		fmt.Println(difference)
	}
	fmt.Printf("%d values compared, %d differences, after %s\n", report.Compared, len(report.Differences), time.Since(begun).Round(time.Millisecond))
	if len(report.Differences) > 0 {
		return fmt.Errorf("%d of %d values are not what must come out", len(report.Differences), report.Compared)
	}
	return nil
}
