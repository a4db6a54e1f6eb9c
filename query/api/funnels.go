package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sourceloop/control"
	"sourceloop/query/report"
	"sourceloop/schema"
)

// defaultWindow is how long after step 1 the others may happen when nobody
// says.
const defaultWindow = "336h"

// QueryFunnel counts how many get from step to step.
func (s *service) QueryFunnel(ctx context.Context, in QueryFunnelRequestObject) (QueryFunnelResponseObject, error) {
	who, b := callerOf(ctx), in.Body
	f, err := s.funnelIn(who, FunnelDefinition{
		Steps: b.Steps, Scope: b.Scope, Order: b.Order, Window: b.Window, Breakdown: b.Breakdown, Exclusions: b.Exclusions,
	}, b.From, b.To)
	if err != nil {
		return nil, err
	}
	f.Rows = number(b.BreakdownLimit, 0)
	found, err := s.reports(who).Funnel(ctx, f)
	if err != nil {
		return nil, err
	}
	answer := QueryFunnel200JSONResponse{Steps: stepsOf(found.Steps), Breakdown: breakdownOf(found)}
	if found.Rest != nil {
		answer.Rest = &FunnelRest{Values: int64(found.Rest.Values), Steps: stepsOf(found.Rest.Steps)}
	}
	if answer.Credits, err = s.funnelCredits(ctx, who, f, b.Credits); err != nil {
		return nil, err
	}
	answer.Previous, err = s.comparedFunnel(ctx, who, f, b)
	return answer, err
}

// comparedFunnel is the same funnel of the period compared with; nil for none.
func (s *service) comparedFunnel(ctx context.Context, who caller, f report.Funnel, b *FunnelQuery) (*FunnelCompared, error) {
	scoped := s.reports(who)
	switch FunnelQueryCompare(text(b.Compare)) {
	case AgainstPrevious:
		f.Period = scoped.Previous(f.Period)
	case AgainstYear:
		f.Period = scoped.YearBefore(f.Period)
	case AgainstCustom:
		if b.CompareFrom == nil || b.CompareTo == nil {
			return nil, schema.E("read a funnel", schema.KindInvalid, "A custom comparison needs its days. Send compare_from and compare_to.")
		}
		var err error
		if f.Period, err = scoped.Days(*b.CompareFrom, *b.CompareTo); err != nil {
			return nil, err
		}
	default:
		return nil, nil
	}
	found, err := scoped.Funnel(ctx, f)
	if err != nil {
		return nil, err
	}
	day := func(at schema.Millis) string { return at.Time().In(who.workspace.Zone).Format(time.DateOnly) }
	return &FunnelCompared{From: day(f.Period.Begin), To: day(f.Period.End - 1), Steps: stepsOf(found.Steps), Breakdown: breakdownOf(found)}, nil
}

func breakdownOf(r report.FunnelReport) []FunnelBreakdownRow {
	rows := make([]FunnelBreakdownRow, 0, len(r.Breakdown))
	for _, row := range r.Breakdown {
		rows = append(rows, FunnelBreakdownRow{Key: row.Key, Steps: stepsOf(row.Steps)})
	}
	return rows
}

// funnelIn reads a funnel with its period.
func (s *service) funnelIn(who caller, d FunnelDefinition, from, to *string) (report.Funnel, error) {
	f, err := funnelOf(d)
	if err != nil {
		return f, err
	}
	f.Steps = goalSteps(who.workspace.Goals, f.Steps)
	for i := range f.Exclusions {
		f.Exclusions[i].Step = goalStep(who.workspace.Goals, f.Exclusions[i].Step)
	}
	_, _, f.Period, err = s.days(who, from, to)
	return f, err
}

func funnelOf(d FunnelDefinition) (report.Funnel, error) {
	f := report.Funnel{
		Scope: report.Scope(cmp.Or(text(d.Scope), string(FunnelScopeVisitor))), Order: report.Order(text(d.Order)),
		Breakdown: report.Dimension(text(d.Breakdown)), Steps: reportSteps(d.Steps),
	}
	window, err := time.ParseDuration(cmp.Or(text(d.Window), defaultWindow))
	if err != nil {
		return f, schema.E("read a funnel", schema.KindInvalid, "The window is no duration. Write it as 30m, 24h or 336h, between 1m and 2160h.")
	}
	f.Window = window
	if d.Exclusions != nil {
		for _, e := range *d.Exclusions {
			f.Exclusions = append(f.Exclusions, report.Exclusion{Step: reportStep(e.Step), After: number(e.After, 0), Before: number(e.Before, 0)})
		}
	}
	return f, f.Check()
}

func reportSteps(steps []FunnelStep) []report.Step {
	all := make([]report.Step, len(steps))
	for i, step := range steps {
		all[i] = reportStep(step)
	}
	return all
}

func reportStep(step FunnelStep) report.Step {
	one := report.Step{Type: string(step.Type), Operator: text(step.Operator), Value: value(step.Value), Name: value(step.Name)}
	if step.Properties != nil {
		for _, p := range *step.Properties {
			one.Properties = append(one.Properties, report.Property{Key: p.Key, Operator: string(p.Operator), Value: p.Value})
		}
	}
	return one
}

// number is an optional whole number.
func number(p *int, otherwise int) int {
	if p == nil {
		return otherwise
	}
	return *p
}

// value is an optional text as it stands: blanks may be meant.
func value(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func stepsOf(counts []report.StepCount) []FunnelStepResult {
	steps := make([]FunnelStepResult, 0, len(counts))
	for _, c := range counts {
		step := FunnelStepResult{Entered: int64(c.Entered), Converted: int64(c.Converted)}
		if c.Entered > 0 {
			step.MedianSeconds, step.P90Seconds = new(c.Median), new(c.P90)
		}
		steps = append(steps, step)
	}
	return steps
}

// ListFunnels lists the saved funnels by name.
func (s *service) ListFunnels(ctx context.Context, _ ListFunnelsRequestObject) (ListFunnelsResponseObject, error) {
	all, err := s.Store.Funnels(ctx, callerOf(ctx).Principal)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b control.Funnel) int {
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	list := ListFunnels200JSONResponse{Items: make([]Funnel, 0, len(all))}
	for _, f := range all {
		saved, err := savedFunnel(f)
		if err != nil {
			return nil, err
		}
		list.Items = append(list.Items, saved)
	}
	return list, nil
}

func savedFunnel(f control.Funnel) (Funnel, error) {
	saved := Funnel{Id: strconv.FormatInt(f.ID, 10), Name: f.Name, CreatedAt: Moment(f.CreatedAt), UpdatedAt: Moment(f.UpdatedAt)}
	if err := json.Unmarshal(f.Body, &saved.Definition); err != nil {
		return saved, fmt.Errorf("cannot read the saved funnel %d: %w", f.ID, err)
	}
	return saved, nil
}

// GetFunnel gives one saved funnel.
func (s *service) GetFunnel(ctx context.Context, in GetFunnelRequestObject) (GetFunnelResponseObject, error) {
	funnel, err := s.funnel(ctx, funnelNumber(in.Id))
	return GetFunnel200JSONResponse(funnel), err
}

// funnelNumber is 0, which no funnel has, for what is no number.
func funnelNumber(id string) int64 {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n < 1 {
		return 0
	}
	return n
}

func (s *service) funnel(ctx context.Context, id int64) (Funnel, error) {
	all, err := s.Store.Funnels(ctx, callerOf(ctx).Principal)
	if err != nil {
		return Funnel{}, err
	}
	for _, f := range all {
		if f.ID == id {
			return savedFunnel(f)
		}
	}
	return Funnel{}, noFunnel()
}

func noFunnel() error {
	return schema.E("read a funnel", schema.KindUnknown, "There is no such funnel in this workspace. It may have been deleted; look at the list.")
}

// CreateFunnel saves a funnel.
func (s *service) CreateFunnel(ctx context.Context, in CreateFunnelRequestObject) (CreateFunnelResponseObject, error) {
	funnel, err := s.saveFunnel(ctx, 0, in.Body)
	return CreateFunnel201JSONResponse(funnel), err
}

// ReplaceFunnel changes a saved funnel.
func (s *service) ReplaceFunnel(ctx context.Context, in ReplaceFunnelRequestObject) (ReplaceFunnelResponseObject, error) {
	id := funnelNumber(in.Id)
	if id == 0 {
		return nil, noFunnel()
	}
	funnel, err := s.saveFunnel(ctx, id, in.Body)
	return ReplaceFunnel200JSONResponse(funnel), err
}

func (s *service) saveFunnel(ctx context.Context, id int64, in *FunnelInput) (Funnel, error) {
	if _, err := funnelOf(in.Definition); err != nil {
		return Funnel{}, err
	}
	body, err := json.Marshal(in.Definition)
	if err != nil {
		return Funnel{}, fmt.Errorf("cannot write the funnel: %w", err)
	}
	saved, err := s.Store.SaveFunnel(ctx, callerOf(ctx).Principal, control.Funnel{ID: id, Name: in.Name, Body: body})
	if err != nil {
		return Funnel{}, err
	}
	return s.funnel(ctx, saved)
}

// DeleteFunnel deletes a saved funnel.
func (s *service) DeleteFunnel(ctx context.Context, in DeleteFunnelRequestObject) (DeleteFunnelResponseObject, error) {
	return DeleteFunnel204Response{}, s.Store.DeleteFunnel(ctx, callerOf(ctx).Principal, funnelNumber(in.Id))
}
