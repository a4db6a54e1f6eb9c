package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"google.golang.org/protobuf/proto"

	"sourceloop/schema"
)

// provider and method of what a server told us by the API.
const byAPI = "api"

// maxAhead is how far a time may lie ahead of our clock; nearer ones count as
// now (the rule for hits, too).
const maxAhead = 24 * time.Hour

// RecordConversion takes a conversion that a site's server knows of. The key
// that it holds makes what it says verified.
func (s *service) RecordConversion(ctx context.Context, in RecordConversionRequestObject) (RecordConversionResponseObject, error) {
	who, now := callerOf(ctx), schema.MillisOf(s.Now())
	evidence, err := s.evidence(who, in.Body, now)
	if err != nil {
		return nil, err
	}
	record := &schema.LeadRecord{
		Workspace: who.Workspace, Received: int64(now), Body: &schema.LeadRecord_Evidence{Evidence: evidence},
	}
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(record)
	if err != nil {
		return nil, fmt.Errorf("cannot encode a conversion: %w", err)
	}
	if err = s.Leads.Append(ctx, schema.TopicLeads, [][]byte{schema.LeadKey(who.Workspace)}, [][]byte{value}); err != nil {
		e := schema.E("record a conversion", schema.KindUnavailable, "The conversion could not be stored, so it does not count. Send it again with the same id.")
		e.Err = err
		return nil, e
	}
	return RecordConversion202JSONResponse{Id: schema.ID(evidence.GetConversion().GetId()).String()}, nil
}

func (s *service) evidence(who caller, in *ConversionInput, now schema.Millis) (*schema.Evidence, error) {
	node, err := s.whose(in)
	if err != nil {
		return nil, err
	}
	at := schema.Millis(in.At)
	if at < 0 || at.Sub(now) > maxAhead {
		return nil, badConversion("The time lies before 1970 or more than a day ahead. Send the time at which it happened, as 2026-11-23T14:05:09.250Z.")
	}
	id, name := plain(in.Id), plain(in.Name)
	if id == "" || name == "" {
		return nil, badConversion("The id or the name is blank. Send an id that is the same whenever the conversion is sent, and a name such as purchase.")
	}
	if slices.Contains([]string{"contact", "intercom_conversation", "hubspot_conversation"}, name) {
		return nil, badConversion("The name %s is that of what SourceLoop finds by itself. Choose another one.", name)
	}
	at = min(at, now)
	derived := schema.Derive("conversion", strconv.FormatUint(uint64(who.Workspace), 10), byAPI, id, "conversion")
	fact := &schema.ConversionFact{
		Id: derived[:], Workspace: who.Workspace, Name: name, Provider: "", ExternalId: id, Node: string(node), At: int64(at),
		Currency: cmp.Or(text(in.Currency), who.workspace.Currency), Updated: int64(now),
	}
	if in.Value != nil {
		fact.Value = *in.Value
	}
	evidence := &schema.Evidence{Conversion: fact}
	if node.Kind() == schema.NodeVisitor {
		// A browser alone names nobody: the conversion waits until its person
		// is known.
		fact.Visitor = node.Value()
		return evidence, nil
	}
	evidence.Claims = []*schema.Claim{schema.NewClaim(who.Workspace, []schema.Node{node}, true, at, "conversion "+id, byAPI, "")}
	return evidence, nil
}

// plain trims text, and takes out what nobody can see or type.
func plain(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, text))
}

func badConversion(format string, args ...any) error {
	return schema.E("record a conversion", schema.KindInvalid, format, args...)
}

// whose is the one node that a conversion is about.
func (s *service) whose(in *ConversionInput) (schema.Node, error) {
	given := map[schema.NodeKind]string{
		schema.NodeEmail: text(in.Email), schema.NodePhone: text(in.Phone), schema.NodeVisitor: text(in.Visitor), schema.NodeUser: text(in.UserId),
	}
	var kind schema.NodeKind
	for k, v := range given {
		if v == "" {
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
	normal, err := s.normal(kind, given[kind])
	if err != nil {
		e := badConversion("The %s cannot be somebody's. Send an email as name@example.com, a phone with its country as +4930123456, or an id that stands for one person.", kind)
		return "", e
	}
	return schema.NewNode(kind, normal), nil
}

func onlyOne() error {
	return badConversion("It is not clear whose the conversion is. Send exactly one of email, phone, visitor and user_id.")
}

func (s *service) normal(kind schema.NodeKind, value string) (string, error) {
	switch kind {
	case schema.NodeEmail:
		return s.Normalizer.Email(value)
	case schema.NodePhone:
		return s.Normalizer.Phone(value, "")
	}
	return s.Normalizer.UserID(value)
}
