package api

import (
	"context"
	"time"

	"sourceloop/schema"
)

// GetSettings gives the settings that were saved last, also when they are not
// in force yet.
func (s *service) GetSettings(ctx context.Context, _ GetSettingsRequestObject) (GetSettingsResponseObject, error) {
	all := callerOf(ctx).workspace.Settings
	return GetSettings200JSONResponse(settingsOf(all[len(all)-1])), nil
}

// ReplaceSettings saves settings as a new version.
func (s *service) ReplaceSettings(ctx context.Context, in ReplaceSettingsRequestObject) (ReplaceSettingsResponseObject, error) {
	set, err := s.settings(in.Body)
	if err != nil {
		return nil, err
	}
	saved, err := s.Store.SaveSettings(ctx, callerOf(ctx).Principal, set)
	if err != nil {
		return nil, err
	}
	return ReplaceSettings200JSONResponse(settingsOf(saved)), nil
}

func (s *service) settings(in *SettingsInput) (schema.Settings, error) {
	zone, err := time.LoadLocation(in.Zone)
	if err != nil {
		return schema.Settings{}, schema.E("save the settings", schema.KindInvalid,
			"The time zone is not known. Give its IANA name, such as Europe/Berlin or UTC.")
	}
	set := schema.Settings{
		Version: uint32(in.Version), Timeout: time.Duration(in.TimeoutSeconds) * time.Second,
		Attribution: in.Attribution, Midnight: in.Midnight, Zone: zone,
		Domains: in.Domains, Gateways: in.Gateways, PaidFbclid: in.PaidFbclid,
	}
	set.Rules = rulesOf(in.Rules)
	return set, nil
}

func rulesOf(in []ChannelRule) []schema.ChannelRule {
	rules := make([]schema.ChannelRule, 0, len(in))
	for _, r := range in {
		rule := schema.ChannelRule{Name: r.Name, Channel: r.Channel}
		for _, c := range r.Conditions {
			rule.Conditions = append(rule.Conditions, schema.ChannelCondition{Field: string(c.Field), Operator: string(c.Operator), Value: c.Value})
		}
		rules = append(rules, rule)
	}
	return rules
}

func settingsOf(set schema.Settings) Settings {
	out := Settings{
		Version: int64(set.Version), InForceFrom: Moment(set.From), TimeoutSeconds: int(set.Timeout / time.Second),
		Attribution: set.Attribution, Midnight: set.Midnight, Zone: set.Zone.String(), PaidFbclid: set.PaidFbclid,
		Domains: append([]string{}, set.Domains...), Gateways: append([]string{}, set.Gateways...), Rules: make([]ChannelRule, 0, len(set.Rules)),
	}
	for _, r := range set.Rules {
		rule := ChannelRule{Name: r.Name, Channel: r.Channel, Conditions: make([]ChannelCondition, 0, len(r.Conditions))}
		for _, c := range r.Conditions {
			rule.Conditions = append(rule.Conditions, ChannelCondition{
				Field: ChannelConditionField(c.Field), Operator: ChannelConditionOperator(c.Operator), Value: c.Value,
			})
		}
		out.Rules = append(out.Rules, rule)
	}
	return out
}
