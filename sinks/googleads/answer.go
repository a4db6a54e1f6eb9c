package googleads

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"sourceloop/schema"
	"sourceloop/sinks/wire"
)

// rpcError is google.rpc.Status as JSON: what every refusal is.
type rpcError struct {
	Error struct {
		Status  string   `json:"status"`
		Message string   `json:"message"`
		Details []detail `json:"details"`
	} `json:"error"`
}

// detail is one of ErrorInfo, BadRequest and RetryInfo.
type detail struct {
	Reason     string      `json:"reason"`
	Violations []violation `json:"fieldViolations"`
	Delay      string      `json:"retryDelay"` // 30s
}

type violation struct {
	Field       string `json:"field"`
	Description string `json:"description"`
	Reason      string `json:"reason"`
}

// ingested reads an answer to events:ingest.
func ingested(a wire.Answer, t schema.Target, part []schema.Outgoing) wire.Said {
	if a.Status/100 != 2 {
		return notIngested(a, t, part)
	}
	var taken struct {
		ID       string      `json:"requestId"`
		Warnings []violation `json:"fieldWarnings"`
	}
	switch err := json.Unmarshal(a.Body, &taken); {
	case err != nil || taken.ID == "" && !t.DryRun:
		return wire.Said{All: wire.Unclear(title, "no_request_id")}
	case t.DryRun:
		return tried(taken.Warnings, t, part)
	default:
		return wire.Said{All: schema.Verdict{Outcome: schema.OutcomeTaken, Receipt: taken.ID, Words: looking}}
	}
}

// tried says of each event what Google would say beside taking it. A warning that
// names no event is everybody's.
func tried(warnings []violation, t schema.Target, part []schema.Outgoing) wire.Said {
	each := make([]schema.Verdict, len(part))
	for i := range each {
		each[i] = schema.Verdict{Outcome: schema.OutcomeSent, Code: "dry_run", Words: "Dry run: Google checked this conversion and found nothing wrong with it. Nothing was counted."}
		for _, w := range warnings {
			if at := eventPath.FindStringSubmatch(w.Field); at != nil && at[1] != strconv.Itoa(i) {
				continue
			}
			each[i].Words = "Dry run: Google checked this conversion and would take it, but not all of it. Check the destination's value and conversion action. Nothing was counted." + w.quoted(t, part)
		}
	}
	return wire.Said{Each: each}
}

// looking is what there is to say until Google has looked.
const looking = "Google has it and is looking at it. Whether it counts is asked for again by itself, for a day at most."

// notIngested reads a refusal, or the lack of an answer. Nothing of a request
// that is refused was taken.
func notIngested(a wire.Answer, t schema.Target, part []schema.Outgoing) wire.Said {
	if a.Status == 0 {
		return wire.Said{All: wire.Silent(title, a)}
	}
	refusal, known := refusalOf(a)
	if verdict, is := passing(a, refusal, known); is {
		return wire.Said{All: verdict}
	}
	if verdict, is := forbidden(a, refusal, t, part); is {
		return wire.Said{All: verdict}
	}
	return malformed(refusal, t, part)
}

// refusalOf reads an error; known tells whether it is one of Google's.
func refusalOf(a wire.Answer) (r rpcError, known bool) {
	err := json.Unmarshal(a.Body, &r)
	return r, err == nil && r.Error.Status != ""
}

// passing are answers after which waiting helps, and those that say nothing.
func passing(a wire.Answer, r rpcError, known bool) (schema.Verdict, bool) {
	code := r.status()
	switch {
	case a.Status == http.StatusTooManyRequests || r.reason() == "RATE_LIMIT_EXCEEDED":
		return wire.Busy(title, code, max(a.After, r.delay())), true
	case a.Status >= 500 && (!known || a.Status == http.StatusGatewayTimeout):
		return wire.Unclear(title, "status "+strconv.Itoa(a.Status)), true
	case a.Status >= 500, a.Status == http.StatusRequestTimeout, a.Status == http.StatusConflict, a.Status/100 == 3:
		return wire.Trouble(title, code, max(a.After, r.delay())), true
	}
	return schema.Verdict{}, false
}

func (r *rpcError) reason() string {
	for _, d := range r.Error.Details {
		if reason := wire.Code(d.Reason); reason != "" {
			return reason
		}
	}
	return ""
}

func (r *rpcError) delay() time.Duration {
	for _, d := range r.Error.Details {
		if after, err := time.ParseDuration(d.Delay); err == nil && after > 0 {
			return after
		}
	}
	return 0
}

// forbidden tells a dead token and a missing permission, which end everything,
// from an account that is not open to us, which ends one destination.
func forbidden(a wire.Answer, r rpcError, t schema.Target, part []schema.Outgoing) (schema.Verdict, bool) {
	denied := func(code, words string) (schema.Verdict, bool) {
		return schema.Verdict{Outcome: schema.OutcomeDenied, Code: code, Words: words}, true
	}
	switch reason := r.reason(); {
	case a.Status == http.StatusUnauthorized:
		return denied("UNAUTHENTICATED", "Google does not accept our access any more: it was removed in the Google account, or the password was changed. Connect Google Ads again; what waits is sent then.")
	case a.Status != http.StatusForbidden:
		return schema.Verdict{}, false
	case reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT":
		return denied(reason, "Google was connected without the permission to send conversions. Connect Google Ads again and leave its box ticked on Google's page; what waits is sent then.")
	case reason == "SERVICE_DISABLED" || reason == "CONSUMER_INVALID" || reason == "BILLING_DISABLED":
		return denied(reason, "The Data Manager API is not switched on in the Google Cloud project that this server's app belongs to. Whoever runs this server switches it on there; test the connection afterwards, and what waits is sent.")
	default:
		code := reason
		if code == "" {
			code = r.status()
		}
		return wire.Refused(code, "Google does not let the person who connected it send to the account %s. Check the customer id of the destination; in Google Ads that person needs at least standard access to this very account. Then send it again.%s",
			Account(t.Account), r.quoted(t, part)), true
	}
}

func (r *rpcError) quoted(t schema.Target, part []schema.Outgoing) string {
	return wire.Quoted(title, wire.Quote(r.Error.Message, wire.Hidden(t.Token, part), Account(t.Account), t.Action))
}

var (
	// eventPath finds the number of the event in a field's path.
	eventPath = regexp.MustCompile(`(?:^|\.)events\[(\d+)\]`)
	// fieldName is how the API names its fields.
	fieldName = regexp.MustCompile(`^[a-z][A-Za-z]{0,40}$`)
)

// malformed reads an INVALID_ARGUMENT. Its violations name the event, or the
// destination, which is everybody's; where neither is named, halving finds it.
func malformed(r rpcError, t schema.Target, part []schema.Outgoing) wire.Said {
	blamed := map[int]schema.Verdict{}
	for _, d := range r.Error.Details {
		for _, v := range d.Violations {
			if strings.HasPrefix(v.Field, "destinations") {
				return wire.Said{All: wrongDestination(v, t, part)}
			}
			if at := eventPath.FindStringSubmatch(v.Field); at != nil {
				i, err := strconv.Atoi(at[1])
				if _, twice := blamed[i]; err == nil && i < len(part) && !twice {
					blamed[i] = wrongEvent(v, t, part)
				}
			}
		}
	}
	if len(blamed) > 0 {
		return wire.Said{Blamed: blamed}
	}
	return wire.Said{Divide: true, All: wire.Refused(r.code(), "Google refuses this conversion and does not say what is wrong with it. Check the destination's customer id and conversion action, then send it again.%s", r.quoted(t, part))}
}

func (r *rpcError) code() string {
	if reason := r.reason(); reason != "" {
		return reason
	}
	return r.status()
}

// status is Google's word for the kind of refusal.
func (r *rpcError) status() string { return wire.Code(r.Error.Status) }

func wrongDestination(v violation, t schema.Target, part []schema.Outgoing) schema.Verdict {
	return wire.Refused(v.code(), "Google does not know this destination: the customer id %s or the conversion action %s is not right. In Google Ads, open the conversion action (Goals → Conversions); its source must be “Website (import from clicks)”, and the number in the address after ctId= is what belongs here. Correct the destination, then send it again.%s",
		Account(t.Account), wire.Quote(t.Action, nil, t.Action), v.quoted(t, part))
}

func wrongEvent(v violation, t schema.Target, part []schema.Outgoing) schema.Verdict {
	field := v.Field[strings.LastIndex(v.Field, ".")+1:]
	if !fieldName.MatchString(field) {
		field = "data"
	}
	return wire.Refused(v.code(), "Google refuses this conversion for its %s. Nothing of it was counted; the other conversions are not affected.%s", field, v.quoted(t, part))
}

func (v *violation) code() string {
	if reason := wire.Code(v.Reason); reason != "" {
		return reason
	}
	return "INVALID_ARGUMENT"
}

func (v *violation) quoted(t schema.Target, part []schema.Outgoing) string {
	return wire.Quoted(title, wire.Quote(v.Description, wire.Hidden(t.Token, part), Account(t.Account), t.Action))
}
