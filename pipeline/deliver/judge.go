package deliver

import (
	"strings"

	"sourceloop/control"
	"sourceloop/schema"
)

// outgoing is a conversion as it goes to a destination now. stage is the present
// one of its contact.
func outgoing(d *control.Destination, p *control.Push, s *schema.Sendable, stage string) schema.Outgoing {
	o := schema.Outgoing{
		Push: p.ID, Name: s.Name, At: p.At, Email: s.Email, Phone: s.Phone, PersonName: s.Person, Contact: s.Contact,
		Country: s.Country, Page: s.Page, Consent: consent(s.Visits),
	}
	if p.Stage != "" {
		stage = p.Stage
	}
	o.Value, o.Currency, o.HasValue = worth(&d.Value, &s.Standing, stage)
	for _, v := range s.Visits {
		if v.At > s.At {
			continue
		}
		for _, text := range v.ClickIDs {
			if name, value, ok := strings.Cut(text, "="); ok && value != "" {
				o.Clicks = append(o.Clicks, schema.Click{Name: name, Value: value, At: v.At})
			}
		}
		if o.FBP == "" {
			o.FBP = v.FBP
		}
		if o.FBC == "" {
			o.FBC = v.FBC
		}
	}
	return o
}

// consent is a visitor's last word, also when it was given after the conversion.
func consent(newestFirst []schema.Visit) schema.Consent {
	for _, v := range newestFirst {
		if v.Consent != schema.ConsentUnknown {
			return v.Consent
		}
	}
	return schema.ConsentUnknown
}

// worth is the value of a conversion by a destination's rule. Without a currency
// there is no value: it would be read as the account's own.
func worth(rule *control.ValueRule, c *schema.Standing, stage string) (value float64, currency string, has bool) {
	currency = rule.Currency
	switch rule.Kind {
	case control.FixedValue:
		value, has = rule.Fixed, true
	case control.StageValue:
		value, has = rule.ByStage[stage]
	case control.ConversionValue:
		if c.Currency != "" {
			currency = c.Currency
		}
		// One that was told without a value has neither.
		value, has = c.Value, c.Value != 0 || c.Currency != ""
	}
	if !has || currency == "" {
		return 0, "", false
	}
	return value, currency, true
}

// consents tells whether a destination may be given what a visitor said this of.
func consents(d *control.Destination, said schema.Consent) bool {
	if d.Consent == control.OnlyGranted {
		return said == schema.ConsentGranted
	}
	return said != schema.ConsentDenied
}

// Words for people of what is decided before anything is sent.
const (
	wordsGone = "The conversion counts no longer: it was deleted, its person was erased, or its contact has neither email nor phone. Nothing was sent."
	wordsNo   = "The visitor refused that their data is used for advertising. Nothing was sent; it goes when they agree and come again."
	wordsMute = "The visitor did not say that their data may be used for advertising, and this destination sends only what was agreed to. " +
		"Nothing was sent; it goes when they agree and come again."
	wordsUnsure = "An attempt was begun of which no answer came, so the platform may have it already, and sent again it might count twice. " +
		"Look in the platform's own reports whether this conversion is there; if it is not, send it again."
	wordsRepeat = "It is sent again by itself under the same id, by which the platform counts it once."
)

// unsent ends a push without an attempt, in a state. One of which an earlier
// attempt is open, or that was in a request of which the platform took a part, may
// have arrived all the same, which is what matters then.
func unsent(p *control.Push, state schema.PushState, words, code string) control.PushResult {
	if p.Open || p.Alone {
		state, words, code = schema.PushError, strings.TrimSpace(words+" "+wordsUnsure), ""
	}
	return control.PushResult{Push: *p, State: state, Words: words, Code: code}
}

// judge gives what goes out of a push whose conversion stands, or what is known
// without sending it.
func judge(d *control.Destination, platform Platform, p *control.Push, s *schema.Sendable, facts map[schema.Node]control.Stage,
	now schema.Millis) (schema.Outgoing, *control.PushResult) {
	ended := func(state schema.PushState, words, code string) (schema.Outgoing, *control.PushResult) {
		r := unsent(p, state, words, code)
		return schema.Outgoing{}, &r
	}
	o := outgoing(d, p, s, control.NewestStage(s.Nodes, facts))
	if !consents(d, o.Consent) {
		if o.Consent == schema.ConsentDenied {
			return ended(schema.PushSkippedConsent, wordsNo, "")
		}
		return ended(schema.PushSkippedConsent, wordsMute, "")
	}
	if v, final := platform.Check(&o, now); final {
		return ended(stateOf(v.Outcome), v.Words, v.Code)
	}
	return o, nil
}

// stateOf is where a push stands by an outcome that is final.
func stateOf(o schema.Outcome) schema.PushState {
	switch o {
	case schema.OutcomeSent:
		return schema.PushSent
	case schema.OutcomeDuplicate:
		return schema.PushDuplicate
	case schema.OutcomeNoIdentity:
		return schema.PushPendingIdentity
	case schema.OutcomeNoConsent:
		return schema.PushSkippedConsent
	case schema.OutcomeTaken, schema.OutcomeLater, schema.OutcomeUnclear, schema.OutcomeAlone, schema.OutcomeDenied:
		return schema.PushPending
	case schema.OutcomeRefused:
	}
	return schema.PushError
}
