package api

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"sourceloop/query/adcost"
	"sourceloop/query/report"
	"sourceloop/schema"
)

// Costs keeps what workspaces paid for ads.
type Costs interface {
	// Store keeps all of the costs or none; each replaces the one about the
	// same day, source, medium and campaign.
	Store(ctx context.Context, workspace uint32, costs []schema.AdCost) error
	// Delete removes those of some days, of one source unless it is "".
	Delete(ctx context.Context, workspace uint32, from, to, source string) (uint64, error)
}

const csvType = "text/csv"

// takesFile tells whether an operation's body is a table.
func takesFile(op *openapi3.Operation) bool {
	return op.RequestBody != nil && op.RequestBody.Value.Content[csvType] != nil
}

// isFile refuses what does not say that it is one. The body is left to its
// handler: the contract's own reader of CSV takes one form of it only.
func isFile(r *http.Request) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != csvType {
		return refuse(http.StatusUnsupportedMediaType, "The body of this operation is a CSV file.", "Send the file as it is, with the header Content-Type: text/csv.")
	}
	return nil
}

// sampled is how many entries of an uploaded file are answered.
const sampled = 20

// UploadCosts takes a file with what ads cost, whole or not at all.
func (s *service) UploadCosts(ctx context.Context, in UploadCostsRequestObject) (UploadCostsResponseObject, error) {
	who := callerOf(ctx)
	body, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, fmt.Errorf("cannot read the file: %w", err)
	}
	// Platforms count days in a zone of their own, so that it may be tomorrow there.
	tomorrow := s.Now().In(who.workspace.Zone).AddDate(0, 0, 1).Format(time.DateOnly)
	sheet := adcost.Parse(body, adcost.Options{
		Source: text(in.Params.Source), Medium: text(in.Params.Medium), Currency: who.workspace.Currency, Today: tomorrow,
	})
	if len(sheet.Faults) > 0 {
		return nil, badLines(sheet)
	}
	replaced, err := s.reports(who).Replaced(ctx, sheet.Rows)
	if err != nil {
		return nil, err
	}
	answer := uploadOf(sheet, s.reports(who))
	answer.Replaced, answer.Currency = replaced, who.workspace.Currency
	if yes(in.Params.Preview) {
		return answer, nil
	}
	if err = s.Costs.Store(ctx, who.Workspace, sheet.Rows); err != nil {
		return nil, away("The file could not be stored, so nothing of it counts. Upload it again.", err)
	}
	answer.Stored = true
	return answer, s.Store.NoteCosts(ctx, who.Principal, "ad cost uploaded", fmt.Sprintf("%d entries, %s to %s", answer.Entries, answer.From, answer.To))
}

// away says in the words of a request that ClickHouse does not take something.
func away(text string, err error) error {
	e := schema.E("change what ads cost", schema.KindUnavailable, "%s", text)
	e.Err = err
	return e
}

// badLines are the faults of a file as a problem.
func badLines(sheet *adcost.Sheet) error {
	n := len(sheet.Faults) + sheet.More
	detail := fmt.Sprintf("%d things in it are wrong, so nothing was stored.", n)
	if n == 1 {
		detail = fmt.Sprintf("Line %d is wrong, so nothing was stored: %s", sheet.Faults[0].Line, sheet.Faults[0].Text)
	}
	r := refuse(http.StatusBadRequest, detail, "Correct these lines and upload the file again.")
	r.problem.Title = "The file cannot be taken."
	lines := make([]BadLine, 0, len(sheet.Faults))
	for _, f := range sheet.Faults {
		lines = append(lines, BadLine{Line: f.Line, Detail: f.Text, WhatToDo: f.Todo})
	}
	r.problem.Lines = &lines
	return r
}

func uploadOf(sheet *adcost.Sheet, reports report.Scoped) UploadCosts200JSONResponse {
	answer := UploadCosts200JSONResponse{Entries: len(sheet.Rows), Lines: sheet.Lines, Skipped: sheet.Skipped, Sample: []AdCost{}}
	var sum int64
	for i := range sheet.Rows {
		row := &sheet.Rows[i]
		sum += row.Micros
		if i == 0 || row.Day < answer.From {
			answer.From = row.Day
		}
		answer.To = max(answer.To, row.Day)
		if i < sampled {
			answer.Sample = append(answer.Sample, AdCost{
				Day: row.Day, Source: row.Source, Medium: row.Medium, Campaign: row.Campaign, Channel: reports.CostChannel(row),
				Cost: float64(row.Micros) / 1e6, Clicks: int64(row.Clicks), Impressions: int64(row.Impressions),
			})
		}
	}
	answer.Cost = float64(sum) / 1e6
	return answer
}

// ListCosts tells what is there.
func (s *service) ListCosts(ctx context.Context, _ ListCostsRequestObject) (ListCostsResponseObject, error) {
	months, err := s.reports(callerOf(ctx)).CostMonths(ctx)
	if err != nil {
		return nil, err
	}
	list := ListCosts200JSONResponse{Items: make([]CostMonth, 0, len(months))}
	for _, m := range months {
		list.Items = append(list.Items, CostMonth{
			Month: m.Month, Source: m.Source, Medium: m.Medium, From: m.First, To: m.Last, Entries: int64(m.Entries), Campaigns: int64(m.Campaigns),
			Cost: m.Cost, Clicks: int64(m.Clicks), Impressions: int64(m.Impressions), Currency: m.Currency, UploadedAt: Moment(m.Uploaded),
		})
	}
	return list, nil
}

// DeleteCosts removes what was uploaded about some days.
func (s *service) DeleteCosts(ctx context.Context, in DeleteCostsRequestObject) (DeleteCostsResponseObject, error) {
	who, p := callerOf(ctx), in.Params
	if _, err := s.reports(who).Days(p.From, p.To); err != nil {
		return nil, err
	}
	n, err := s.Costs.Delete(ctx, who.Workspace, p.From, p.To, strings.ToLower(text(p.Source)))
	if err != nil {
		return nil, away("The ad cost could not be deleted, so all of it is still there. Try again.", err)
	}
	return DeleteCosts200JSONResponse{Entries: int64(n)}, s.Store.NoteCosts(ctx, who.Principal, "ad cost deleted", fmt.Sprintf("%d entries, %s to %s", n, p.From, p.To))
}
