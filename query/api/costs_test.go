package api_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"sourceloop/control"
	"sourceloop/query/api"
)

// newestAudit is what was noted last.
func (w *world) newestAudit() control.AuditEntry {
	w.t.Helper()
	entries, err := w.store.Audit(w.t.Context(), w.ann, 0, 1)
	if err != nil || len(entries) != 1 {
		w.t.Fatalf("the audit log: %+v, %v", entries, err)
	}
	return entries[0]
}

func TestCostsAreUploadedAndShown(t *testing.T) {
	w := newStory(t)
	editor, stranger := w.keyed(w.ann, control.Editor), w.keyed(w.ben, control.Viewer)
	file := csvFile("\ufeffDay;Campaign;Clicks;Cost;Currency\r\n01.09.2026;Brand;7;1.234,50;EUR\r\n01.09.2026;Brand;1;0,50;EUR\r\n02.09.2026;Launch;0;65,00;\r\nTotal;;8;1.300,00;EUR\r\n")
	const query = "/api/v1/costs?source=Google"
	var preview, stored, again api.CostUpload
	editor.want(200, "POST", query+"&preview=true", file).into(t, &preview)
	if preview.Stored || preview.Entries != 2 || preview.Lines != 3 || preview.Skipped != 1 || preview.Cost != 1300 || preview.From != "2026-09-01" || preview.To != "2026-09-02" ||
		len(preview.Sample) != 2 || preview.Sample[0].Channel != "Paid Search" || preview.Sample[0].Source != "google" || preview.Sample[0].Medium != "cpc" || preview.Sample[0].Cost != 1235 {
		t.Fatalf("the preview is %+v", preview)
	}
	var list api.CostMonthList
	if editor.want(200, "GET", "/api/v1/costs", nil).into(t, &list); len(list.Items) != 0 {
		t.Fatalf("a preview stored %+v", list)
	}
	editor.want(200, "POST", query, file).into(t, &stored)
	editor.want(200, "POST", query, file).into(t, &again)
	if !stored.Stored || stored.Replaced != 0 || again.Replaced != 2 {
		t.Fatalf("stored %+v, and again %+v", stored, again)
	}
	if e := w.newestAudit(); e.Action != "ad cost uploaded" || !strings.Contains(e.Subject, "2 entries, 2026-09-01 to 2026-09-02") {
		t.Errorf("the audit log says %+v", e)
	}
	if editor.want(200, "GET", "/api/v1/costs", nil).into(t, &list); len(list.Items) != 1 || list.Items[0].Cost != 1300 || list.Items[0].Entries != 2 || list.Items[0].Campaigns != 2 || list.Items[0].Clicks != 8 {
		t.Fatalf("there is %+v", list)
	}
	if stranger.want(200, "GET", "/api/v1/costs", nil).into(t, &list); len(list.Items) != 0 {
		t.Fatalf("another workspace sees %+v", list)
	}
	w.shown(t, editor)
	var gone api.CostsDeleted
	if editor.want(200, "DELETE", "/api/v1/costs?from=2026-09-02&to=2026-09-30&source=Google", nil).into(t, &gone); gone.Entries != 1 {
		t.Errorf("deleted %+v", gone)
	}
	if e := w.newestAudit(); e.Action != "ad cost deleted" {
		t.Errorf("the audit log says %+v", e)
	}
}

// shown looks for the cost of two campaigns in the reports.
func (w *world) shown(t *testing.T, c *client) {
	t.Helper()
	var a api.Attribution
	c.want(200, "GET", "/api/v1/attribution?dimension=campaign&compare=custom&compare_from=2026-08-01&compare_to=2026-08-10", nil).into(t, &a)
	if a.Cost == nil || *a.Cost != 1300 {
		t.Fatalf("the report is %+v", a)
	}
	var sum float64
	for _, r := range a.Rows {
		if r.Cost == nil {
			t.Fatalf("%+v has no cost", r)
		}
		sum += *r.Cost
		if r.CostPerConversion != nil && math.Abs(*r.CostPerConversion*r.Conversions-*r.Cost) > 1e-9 {
			t.Errorf("%+v does not fit", r)
		}
	}
	if sum != 1300 {
		t.Errorf("the rows sum to %v", sum)
	}
	var devices api.Attribution
	if c.want(200, "GET", "/api/v1/attribution?dimension=device", nil).into(t, &devices); devices.Cost != nil || devices.Rows[0].Cost != nil {
		t.Errorf("a device has a cost: %+v", devices)
	}
	var traffic, without api.Traffic
	c.want(200, "GET", "/api/v1/traffic?compare=previous", nil).into(t, &traffic)
	figures := map[string]float64{}
	for _, f := range traffic.Figures {
		figures[string(f.Name)] = f.Value
	}
	if figures["cost"] != 1300 || figures["cost_per_conversion"] != 1300/figures["conversions"] {
		t.Errorf("the figures are %v", figures)
	}
	if c.want(200, "GET", "/api/v1/traffic?compare=none&from=2026-08-01&to=2026-08-02", nil).into(t, &without); len(without.Figures) != 6 {
		t.Errorf("days without cost have %+v", without.Figures)
	}
}

func TestABadFileIsTakenInNoPart(t *testing.T) {
	w := newStory(t)
	editor := w.keyed(w.ann, control.Editor)
	p := editor.want(400, "POST", "/api/v1/costs", csvFile("day,source,cost\n2026-09-01,google,5\n2026-09-32,google,6\n2026-09-01,google,six\n")).problem(t)
	if p.Lines == nil || len(*p.Lines) != 2 || (*p.Lines)[0].Line != 3 || (*p.Lines)[1].Line != 4 || (*p.Lines)[1].WhatToDo == "" {
		t.Errorf("the problem is %+v", p)
	}
	p = editor.want(400, "POST", "/api/v1/costs", csvFile("day,source,cost,currency\n2026-09-01,google,5,USD\n")).problem(t)
	if !strings.Contains(p.Detail, "Line 2") || !strings.Contains(p.Detail, "USD") || !strings.Contains(p.Detail, "EUR") {
		t.Errorf("the problem is %+v", p)
	}
	var list api.CostMonthList
	if editor.want(200, "GET", "/api/v1/costs", nil).into(t, &list); len(list.Items) != 0 {
		t.Fatalf("there is %+v", list)
	}
}

func TestFilesOfCostsHaveTheirForm(t *testing.T) {
	w := newWorld(t)
	editor := w.keyed(w.ann, control.Editor)
	if p := editor.want(415, "POST", "/api/v1/costs", map[string]string{"day": "2026-09-01"}).problem(t); !strings.Contains(p.WhatToDo, "text/csv") {
		t.Errorf("JSON: %+v", p)
	}
	editor.want(400, "POST", "/api/v1/costs", csvFile("")).problem(t)
	editor.want(413, "POST", "/api/v1/costs", csvFile(strings.Repeat("x", 9<<20))).problem(t)
	editor.want(413, "POST", "/api/v1/funnels", bytes.NewReader(make([]byte, 2<<20))).problem(t)
	editor.want(503, "POST", "/api/v1/costs", csvFile("day,source,cost\n2026-09-01,google,5\n")).problem(t)
	editor.want(503, "DELETE", "/api/v1/costs?from=2026-09-01&to=2026-09-02", nil).problem(t)
	editor.want(400, "DELETE", "/api/v1/costs?from=2026-09-03&to=2026-09-02", nil).problem(t)
}
