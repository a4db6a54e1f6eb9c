package meta

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
	Name  = "meta"
	title = "Meta"
)

// Limits of the API: 1,000 events a request, 7 days, ids remembered for 48
// hours. A batch here is smaller, so that a bad event in it is found in fewer
// requests. How many requests are allowed depends on the account.
const (
	batch     = 200
	oldest    = 7 * 24 * time.Hour
	remembers = 48 * time.Hour
)

// Version of the Graph API, where Config names none.
const Version = "v26.0"

// Config says where the API is.
type Config struct {
	APIBase string           // without a slash at the end; default https://graph.facebook.com
	Version string           // of the Graph API; default Version
	Now     func() time.Time // default time.Now
}

// Platform is Meta as a sinks.Platform.
type Platform struct {
	base   string // with the version
	client *wire.Client
}

// New makes the platform.
func New(config Config) *Platform {
	if config.APIBase == "" {
		config.APIBase = "https://graph.facebook.com"
	}
	if config.Version == "" {
		config.Version = Version
	}
	return &Platform{base: strings.TrimSuffix(config.APIBase, "/") + "/" + config.Version, client: wire.NewClient(config.Now, false)}
}

// Name is "meta".
func (p *Platform) Name() string { return Name }

// Limits are those of the API, or below.
func (p *Platform) Limits() sinks.Limits {
	return sinks.Limits{Batch: batch, Oldest: oldest, Remembers: remembers}
}

// Check tells what can be known before sending: everything that is known to have
// a request refused.
func (p *Platform) Check(e *schema.Outgoing, now schema.Millis) (schema.Verdict, bool) {
	if verdict, known := wire.Check(title, e, now, oldest); known {
		return verdict, true
	}
	if fbcOf(e) == "" && fbpOf(e) == "" && NormalEmail(e.Email) == "" && NormalPhone(e.Phone) == "" {
		return schema.Verdict{Outcome: schema.OutcomeNoIdentity, Code: "no_identity", Words: "There is nothing that Meta could match yet: no click from Facebook or Instagram, none of Meta's cookies, and neither email nor phone. It is sent once one of them is known, for a week at most."}, true
	}
	return schema.Verdict{}, false
}

// Send sends events. What Meta received is OutcomeSent; whether it knew the id
// already, it does not say.
func (p *Platform) Send(ctx context.Context, t schema.Target, events []schema.Outgoing) []schema.Verdict {
	return wire.Send(ctx, p, title, p.client.Now(), events, func(ctx context.Context, part []schema.Outgoing) wire.Said {
		dataset := strings.TrimSpace(t.Action)
		if dataset == "" || strings.Trim(dataset, "0123456789") != "" {
			return wire.Said{All: wire.Refused("dataset", "The destination's dataset is no number that Meta could know. Copy the dataset's id (once called pixel id) from Meta's Events Manager into the destination, then send it again.")}
		}
		if t.DryRun {
			return wire.Said{All: schema.Verdict{Outcome: schema.OutcomeSent, Code: "dry_run", Words: "Dry run: this conversion is complete as far as can be seen here. Meta cannot check one without counting it, so nothing was sent."}}
		}
		body, err := request(t, part)
		if err != nil {
			return wire.Said{Divide: true, All: wire.Refused("unwritable", "This conversion could not be written down for Meta, which is a fault of ours. Tell the operator.")}
		}
		return received(p.client.Ask(ctx, wire.Question{URL: p.base + "/" + dataset + "/events", Token: t.Token, Body: body}), t, part)
	})
}

// Confirm has nothing to ask: nothing is ever OutcomeTaken.
func (p *Platform) Confirm(context.Context, schema.Target, string, int) schema.Verdict {
	return schema.Verdict{Outcome: schema.OutcomeSent, Words: receivedWords}
}
