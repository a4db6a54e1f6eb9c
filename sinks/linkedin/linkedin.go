package linkedin

import (
	"context"
	"strings"
	"time"

	"sourceloop/schema"
	"sourceloop/sinks"
	"sourceloop/sinks/wire"
)

// Name is the platform's word, and title how people write it.
const (
	Name  = "linkedin"
	title = "LinkedIn"
)

// Limits of the API: 5,000 events a batch (a newer page begins with 500, so that
// is kept), 90 days, 600 requests a minute and 300,000 a day.
const (
	batch     = 500
	oldest    = 90 * 24 * time.Hour
	perMinute = 600
)

// Version of the API, where Config names none. A version lives for a year or a
// little longer.
const Version = "202607"

// Config says where the API is.
type Config struct {
	APIBase string           // without a slash at the end; default https://api.linkedin.com
	Version string           // LinkedIn-Version, YYYYMM; default Version
	Now     func() time.Time // default time.Now
}

// Platform is LinkedIn as a sinks.Platform.
type Platform struct {
	base, version string
	client        *wire.Client
}

// New makes the platform.
func New(config Config) *Platform {
	if config.APIBase == "" {
		config.APIBase = "https://api.linkedin.com"
	}
	if config.Version == "" {
		config.Version = Version
	}
	return &Platform{base: strings.TrimSuffix(config.APIBase, "/"), version: config.Version, client: wire.NewClient(config.Now, true)}
}

// Name is "linkedin".
func (p *Platform) Name() string { return Name }

// Limits are those of the API, or below.
func (p *Platform) Limits() sinks.Limits {
	return sinks.Limits{Batch: batch, Oldest: oldest, PerMinute: perMinute}
}

// Check tells what can be known before sending.
func (p *Platform) Check(e *schema.Outgoing, now schema.Millis) (schema.Verdict, bool) {
	if verdict, known := wire.Check(title, e, now, oldest); known {
		return verdict, true
	}
	if clickOf(e) == "" && NormalEmail(e.Email) == "" {
		return schema.Verdict{Outcome: schema.OutcomeNoIdentity, Code: "no_identity", Words: "There is nothing that LinkedIn could match yet: no click on a LinkedIn ad (li_fat_id, which needs enhanced conversion tracking in the Campaign Manager) and no email. A phone number does not help there. It is sent once one of them is known."}, true
	}
	return schema.Verdict{}, false
}

// Send sends events. LinkedIn cannot check without counting, so a dry run is
// checked here and goes nowhere.
func (p *Platform) Send(ctx context.Context, t schema.Target, events []schema.Outgoing) []schema.Verdict {
	return wire.Send(ctx, p, title, p.client.Now(), events, func(ctx context.Context, part []schema.Outgoing) wire.Said {
		rule := Rule(t.Action)
		if rule == "" {
			return wire.Said{All: wire.Refused("rule", "The destination's conversion rule is no number that LinkedIn could know. Choose a rule in the destination, then send it again.")}
		}
		if t.DryRun {
			return wire.Said{All: schema.Verdict{Outcome: schema.OutcomeSent, Code: "dry_run", Words: "Dry run: this conversion is complete as far as can be seen here. LinkedIn cannot check one without counting it, so nothing was sent."}}
		}
		content, err := body(rule, part)
		if err != nil {
			return wire.Said{Divide: true, All: wire.Refused("unwritable", "This conversion could not be written down for LinkedIn, which is a fault of ours. Tell the operator.")}
		}
		header := map[string]string{"LinkedIn-Version": p.version, "X-Restli-Protocol-Version": "2.0.0"}
		if len(part) > 1 {
			header["X-RestLi-Method"] = "BATCH_CREATE"
		}
		return taken(p.client.Ask(ctx, wire.Question{URL: p.base + "/rest/conversionEvents", Token: t.Token, Header: header, Body: content}), t, part)
	})
}

// Confirm has nothing to ask: nothing is ever OutcomeTaken.
func (p *Platform) Confirm(context.Context, schema.Target, string, int) schema.Verdict {
	return schema.Verdict{Outcome: schema.OutcomeSent, Words: took}
}

// Rule gives the number of a conversion rule, which may be written with or
// without what LinkedIn puts before it; or "".
func Rule(action string) string {
	number := strings.TrimPrefix(strings.TrimSpace(action), rulePrefix)
	if strings.Trim(number, "0123456789") != "" {
		return ""
	}
	return number
}
