// Package conversion makes the record of a conversion that a program told of,
// by the API or by an incoming webhook: the same words in, the same record out.
package conversion

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"google.golang.org/protobuf/proto"

	"sourceloop/schema"
)

// provider and method of what a server told us.
const byAPI = "api"

// maxAhead is how far a time may lie ahead of our clock; nearer ones count as
// now (the rule for hits, too).
const maxAhead = 24 * time.Hour

// Normalizer gives the one form of an email, a phone and an id, or refuses
// what is none. country is where a phone without + was written, or "".
type Normalizer interface {
	Email(text string) (string, error)
	Phone(text, country string) (string, error)
	UserID(text string) (string, error)
}

// Told is what a program says of a conversion. Exactly one of the last four says
// whose it is.
type Told struct {
	ID       string // the sender's; the same id counts once
	Name     string
	At       schema.Millis
	Value    float64 // 0 without one
	Currency string  // "" for the workspace's

	Email, Phone, Visitor, UserID string
}

// Evidence judges what was told and makes evidence of it; an error is of
// schema.KindInvalid and has words. That the program had a key makes what it
// says verified.
func Evidence(w *schema.Workspace, in Told, n Normalizer, now schema.Millis) (*schema.Evidence, error) {
	node, err := in.whose(n)
	if err != nil {
		return nil, err
	}
	if in.At < 0 || in.At.Sub(now) > maxAhead {
		return nil, bad("The time lies before 1970 or more than a day ahead. Send the time at which it happened, as 2026-11-23T14:05:09.250Z.")
	}
	id, name := Plain(in.ID), Plain(in.Name)
	if id == "" || name == "" {
		return nil, bad("The id or the name is blank. Send an id that is the same whenever the conversion is sent, and a name such as purchase.")
	}
	if slices.Contains(schema.FoundNames(), name) {
		return nil, bad("The name %s is that of what SourceLoop finds by itself. Choose another one.", name)
	}
	if goal, known := w.Goal(name); known && goal.Kind != schema.APIGoal {
		return nil, bad("The goal %q is counted by SourceLoop itself. Choose another name, or make it a goal of the kind api.", name)
	}
	at := min(in.At, now)
	derived := schema.Derive("conversion", strconv.FormatUint(uint64(w.ID), 10), byAPI, id, "conversion")
	fact := &schema.ConversionFact{
		Id: derived[:], Workspace: w.ID, Name: name, Provider: "", ExternalId: id, Node: string(node), At: int64(at),
		Currency: cmp.Or(strings.TrimSpace(in.Currency), w.Currency), Updated: int64(now), Value: in.Value,
	}
	evidence := &schema.Evidence{Conversion: fact}
	if node.Kind() == schema.NodeVisitor {
		// A browser alone names nobody: the conversion waits until its person
		// is known.
		fact.Visitor = node.Value()
		return evidence, nil
	}
	evidence.Claims = []*schema.Claim{schema.NewClaim(w.ID, []schema.Node{node}, true, at, "conversion "+id, byAPI, "")}
	return evidence, nil
}

// Record is evidence as it goes into the topic leads.
func Record(workspace uint32, evidence *schema.Evidence, now schema.Millis) (key, value []byte, err error) {
	value, err = proto.MarshalOptions{Deterministic: true}.Marshal(&schema.LeadRecord{
		Workspace: workspace, Received: int64(now), Body: &schema.LeadRecord_Evidence{Evidence: evidence},
	})
	return schema.LeadKey(workspace), value, err
}

// Plain trims text, and takes control characters out of it, which nobody can see
// or type.
func Plain(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, text))
}

func bad(format string, args ...any) error {
	return schema.E("record a conversion", schema.KindInvalid, format, args...)
}

// whose is the one node that a conversion is about.
func (in *Told) whose(n Normalizer) (schema.Node, error) {
	given := map[schema.NodeKind]string{
		schema.NodeEmail: in.Email, schema.NodePhone: in.Phone, schema.NodeVisitor: in.Visitor, schema.NodeUser: in.UserID,
	}
	var kind schema.NodeKind
	for k, v := range given {
		if v = strings.TrimSpace(v); v == "" {
			continue
		}
		if kind != "" {
			return "", onlyOne()
		}
		kind = k
	}
	if kind == "" {
		return "", onlyOne()
	}
	normal, err := Normal(n, kind, strings.TrimSpace(given[kind]))
	if err != nil {
		return "", bad("The %s cannot be somebody's. Send an email as name@example.com, a phone with its country as +4930123456, or an id that stands for one person.", kind)
	}
	return schema.NewNode(kind, normal), nil
}

func onlyOne() error {
	return bad("It is not clear whose the conversion is. Send exactly one of email, phone, visitor and user_id.")
}

// Normal gives the one form of a value that names somebody.
func Normal(n Normalizer, kind schema.NodeKind, value string) (string, error) {
	switch kind {
	case schema.NodeEmail:
		return n.Email(value)
	case schema.NodePhone:
		return n.Phone(value, "")
	}
	return n.UserID(value)
}
