package api

import (
	"context"
	"fmt"

	"sourceloop/control/conversion"
	"sourceloop/schema"
)

// RecordConversion takes a conversion that a site's server knows of.
func (s *service) RecordConversion(ctx context.Context, in RecordConversionRequestObject) (RecordConversionResponseObject, error) {
	who, now := callerOf(ctx), schema.MillisOf(s.Now())
	b := in.Body
	told := conversion.Told{
		ID: b.Id, Name: b.Name, At: schema.Millis(b.At), Currency: text(b.Currency),
		Email: text(b.Email), Phone: text(b.Phone), Visitor: text(b.Visitor), UserID: text(b.UserId),
	}
	if b.Value != nil {
		told.Value = *b.Value
	}
	evidence, err := conversion.Evidence(who.workspace, told, s.Normalizer, now)
	if err != nil {
		return nil, err
	}
	key, value, err := conversion.Record(who.Workspace, evidence, now)
	if err != nil {
		return nil, fmt.Errorf("cannot encode a conversion: %w", err)
	}
	if err = s.Leads.Append(ctx, schema.TopicLeads, [][]byte{key}, [][]byte{value}); err != nil {
		e := schema.E("record a conversion", schema.KindUnavailable, "The conversion could not be stored, so it does not count. Send it again with the same id.")
		e.Err = err
		return nil, e
	}
	return RecordConversion202JSONResponse{Id: schema.ID(evidence.GetConversion().GetId()).String()}, nil
}

func (s *service) normal(kind schema.NodeKind, value string) (string, error) {
	return conversion.Normal(s.Normalizer, kind, value)
}
