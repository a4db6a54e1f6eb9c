package google

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"sourceloop/deploy/standin/ads"
	"sourceloop/deploy/standin/ledger"
)

const reasonPrefix = "PROCESSING_ERROR_REASON_"

type reasonFault struct{ kind, reason string }

// reasonFaults have one event each time not count, for a reason that only
// Google could find.
func reasonFaults() []reasonFault {
	return []reasonFault{
		{"click_not_found", reasonPrefix + "CLICK_NOT_FOUND"}, {"too_recent_click", reasonPrefix + "TOO_RECENT_CLICK"},
		{"expired_click", reasonPrefix + "EXPIRED_CLICK"}, {"invalid_gclid", reasonPrefix + "INVALID_GCLID"},
		{"event_too_old", reasonPrefix + "EVENT_TOO_OLD"}, {"no_consent", reasonPrefix + "NO_CONSENT"},
		{"internal_error", reasonPrefix + "INTERNAL_ERROR"},
		{"duplicate_transaction_id", reasonPrefix + "DUPLICATE_TRANSACTION_ID"}, {"duplicate_gclid", reasonPrefix + "DUPLICATE_GCLID"},
	}
}

func (s *Server) ingest(c *ads.Call) (ads.Answer, error) {
	r, refusal := s.parse(c.Body)
	if refusal.Status != 0 {
		return refusal, nil
	}
	for _, d := range r.Destinations {
		if d.Account.ID != s.account {
			return rpcError(http.StatusForbidden, "PERMISSION_DENIED", "The caller does not have permission to the operating account."), nil
		}
	}
	id := rand.Text()
	reply := ads.Answer{Status: http.StatusOK, Body: map[string]string{"requestId": id}}
	if r.ValidateOnly {
		return reply, nil
	}
	why, err := s.reasons(c.Request.Context(), &r)
	if err != nil {
		return ads.Answer{}, err
	}
	return reply, s.Write(c.Request.Context(), func(tx *ledger.Session) error {
		statuses := []status{}
		for _, d := range r.Destinations {
			one, err := s.take(tx, d, &r, why)
			if err != nil {
				return err
			}
			statuses = append(statuses, one)
		}
		doc, err := json.Marshal(statuses)
		if err != nil {
			return err
		}
		_, err = tx.Exec("status_insert", id, string(doc))
		return err
	})
}

// reasons are why each event does not count at any destination, by faults
// first.
func (s *Server) reasons(ctx context.Context, r *ingestRequest) ([]string, error) {
	list := make([]string, len(r.Events))
	for i, e := range r.Events {
		for _, f := range reasonFaults() {
			if on, err := s.Fault(ctx, f.kind); err != nil {
				return nil, err
			} else if on {
				list[i] = f.reason
				break
			}
		}
		if list[i] == "" {
			list[i] = judge(e, r.Consent, s.Now())
		}
	}
	return list, nil
}

// take puts the events of one destination down and says what became of them.
func (s *Server) take(tx *ledger.Session, d destination, r *ingestRequest, why []string) (status, error) {
	place, records, refused := d.Account.ID+"/"+d.Action, 0, map[string]int{}
	for i, e := range r.Events {
		if len(e.References) > 0 && !slices.Contains(e.References, d.Reference) {
			continue
		}
		records++
		id, twice := key(e)
		reason := why[i]
		if reason == "" {
			counted, err := s.Counted(tx, place, id, time.Time{})
			if err != nil {
				return status{}, err
			}
			if counted {
				reason = twice
			}
		}
		if reason != "" {
			refused[reason]++
		}
		if err := s.Keep(tx, ads.Conversion{Place: place, ID: id, Why: reason, Event: r.raw[i]}); err != nil {
			return status{}, err
		}
	}
	return newStatus(d, records, refused), nil
}

// status is RequestStatusPerDestination. Counts are texts, as int64 is.
type status struct {
	Destination destination `json:"destination"`
	Status      string      `json:"requestStatus"`
	ErrorInfo   *errorInfo  `json:"errorInfo,omitempty"`
	Events      *recordInfo `json:"eventsIngestionStatus,omitempty"`
}

type errorInfo struct {
	Counts []errorCount `json:"errorCounts"`
}

type errorCount struct {
	Reason string `json:"reason"`
	Count  string `json:"recordCount"`
}

type recordInfo struct {
	Count string `json:"recordCount"`
}

func newStatus(d destination, records int, refused map[string]int) status {
	one := status{Destination: d, Status: "SUCCESS", Events: &recordInfo{strconv.Itoa(records)}}
	failed := 0
	for _, reason := range slices.Sorted(maps.Keys(refused)) {
		if one.ErrorInfo == nil {
			one.ErrorInfo = &errorInfo{}
		}
		failed += refused[reason]
		one.ErrorInfo.Counts = append(one.ErrorInfo.Counts, errorCount{reason, strconv.Itoa(refused[reason])})
	}
	switch {
	case failed > 0 && failed == records:
		one.Status = "FAILED"
	case failed > 0:
		one.Status = "PARTIAL_SUCCESS"
	}
	return one
}

func (s *Server) retrieve(c *ads.Call) (ads.Answer, error) {
	id, ctx := c.Request.URL.Query().Get("requestId"), c.Request.Context()
	if id == "" {
		return badRequest("There was a problem with the request.", []violation{{"request_id", "The request id is required.", "REQUIRED_FIELD_MISSING"}}), nil
	}
	var doc string
	found, err := s.Read(ctx).Row("status_get", []any{id}, &doc)
	if err != nil {
		return ads.Answer{}, err
	}
	if !found {
		return refuse(http.StatusNotFound, "Requested entity was not found."), nil
	}
	statuses := []status{}
	if err := json.Unmarshal([]byte(doc), &statuses); err != nil {
		return ads.Answer{}, err
	}
	waiting, err := s.Fault(ctx, faultProcessing)
	if waiting {
		for i := range statuses {
			statuses[i] = status{Destination: statuses[i].Destination, Status: "PROCESSING"}
		}
	}
	return ads.Answer{Status: http.StatusOK, Body: map[string]any{"requestStatusPerDestination": statuses}}, err
}
