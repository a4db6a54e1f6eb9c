package api

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"sourceloop/control"
	"sourceloop/query/report"
	"sourceloop/schema"
)

const maxExamples = 5 // of one change

// PreviewChannels tells what rules that are not saved yet would change.
func (s *service) PreviewChannels(ctx context.Context, in PreviewChannelsRequestObject) (PreviewChannelsResponseObject, error) {
	who := callerOf(ctx)
	proposed := who.workspace.Settings[len(who.workspace.Settings)-1] // A copy.
	proposed.Rules = rulesOf(in.Body.Rules)
	if in.Body.PaidFbclid != nil {
		proposed.PaidFbclid = *in.Body.PaidFbclid
	}
	if err := control.CheckRules("preview the rules", proposed.Rules); err != nil {
		return nil, err
	}
	days := 30
	if in.Body.Days != nil {
		days = *in.Body.Days
	}
	today := s.Now().In(who.workspace.Zone)
	from, to := today.AddDate(0, 0, 1-days).Format(time.DateOnly), today.Format(time.DateOnly)
	period, err := s.reports(who).Days(from, to)
	if err != nil {
		return nil, err
	}
	p := preview{channels: s.Channels, proposed: &proposed, changes: map[[2]string]*ChannelChange{}}
	if err := s.reports(who).Origins(ctx, period, p.add); err != nil {
		return nil, err
	}
	p.answer.From, p.answer.To = from, to
	return PreviewChannels200JSONResponse(p.result()), nil
}

// preview adds up what changes.
type preview struct {
	channels Channels
	proposed *schema.Settings
	answer   ChannelPreview
	changes  map[[2]string]*ChannelChange
}

func (p *preview) add(o report.Origin) {
	sessions, conversions := int64(o.Sessions), int64(o.Conversions)
	p.answer.Sessions += sessions
	p.answer.Conversions += conversions
	if o.Kept {
		return
	}
	source := p.channels.Classify(&schema.Hit{Url: o.Page, Referrer: o.Referrer}, p.proposed)
	to := source.GetChannel()
	if to == o.Channel {
		return
	}
	p.answer.SessionsChanged += sessions
	p.answer.ConversionsChanged += conversions
	change := p.changes[[2]string{o.Channel, to}]
	if change == nil {
		change = &ChannelChange{From: o.Channel, To: to}
		p.changes[[2]string{o.Channel, to}] = change
	}
	change.Sessions += sessions
	change.Conversions += conversions
	change.Examples = withExample(change.Examples, ChannelExample{LandingPage: o.Example, Referrer: o.Referrer, Rule: source.GetRule(), Sessions: sessions})
}

// withExample keeps the examples that stand for the most sessions, in an order
// that does not hang on that of the rows.
func withExample(list []ChannelExample, one ChannelExample) []ChannelExample {
	order := func(a, b ChannelExample) int {
		return cmp.Or(cmp.Compare(b.Sessions, a.Sessions), strings.Compare(a.LandingPage, b.LandingPage), strings.Compare(a.Referrer, b.Referrer))
	}
	at, _ := slices.BinarySearchFunc(list, one, order)
	list = slices.Insert(list, at, one)
	return list[:min(len(list), maxExamples)]
}

func (p *preview) result() ChannelPreview {
	p.answer.Changes = make([]ChannelChange, 0, len(p.changes))
	for _, change := range p.changes {
		p.answer.Changes = append(p.answer.Changes, *change)
	}
	slices.SortFunc(p.answer.Changes, func(a, b ChannelChange) int {
		return cmp.Or(cmp.Compare(b.Sessions, a.Sessions), cmp.Compare(b.Conversions, a.Conversions), strings.Compare(a.From, b.From), strings.Compare(a.To, b.To))
	})
	return p.answer
}
