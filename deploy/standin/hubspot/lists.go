package hubspot

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// docs reads the documents that a statement finds; the columns before them are
// passed over.
func docs[T any](s *Server, c *call, statement string, columns int, args ...any) (list []T, err error) {
	err = s.store.Read(c.ctx).Rows(statement, args, func(scan func(...any) error) error {
		var doc string
		target := make([]any, columns+1)
		for i := range target {
			target[i] = new(any)
		}
		target[columns] = &doc
		if err := scan(target...); err != nil {
			return err
		}
		var value T
		if err := json.Unmarshal([]byte(doc), &value); err != nil {
			return fmt.Errorf("cannot read what %s found: %w", statement, err)
		}
		list = append(list, value)
		return nil
	})
	return list, err
}

// listLatest lists threads by their latest message, the oldest first. HubSpot
// wants to be told since when, and its cursor is a place in that order.
func (s *Server) listLatest(c *call) (answer, error) {
	since, err := time.Parse(time.RFC3339, c.r.URL.Query().Get("latestMessageTimestampAfter"))
	if err != nil {
		return refuse(http.StatusBadRequest, "VALIDATION_ERROR", "latestMessageTimestampAfter is needed with this sort"), nil //nolint:nilerr // It is the caller's mistake.
	}
	limit, err := strconv.Atoi(c.r.URL.Query().Get("limit"))
	if err != nil || limit < 1 || limit > maxPage {
		limit = stdPage
	}
	all, err := docs[thread](s, c, "thread_list", 1, "", "", 0, math.MaxInt64)
	if err != nil {
		return answer{}, err
	}
	after := c.r.URL.Query().Get("after")
	all = slices.DeleteFunc(all, func(t thread) bool {
		return t.Deleted || t.latest() <= since.UnixMilli() || t.place() <= after
	})
	slices.SortFunc(all, func(a, b thread) int { return strings.Compare(a.place(), b.place()) })
	shown, reply := []any{}, map[string]any{}
	for _, t := range all[:min(limit, len(all))] {
		shown = append(shown, t.show())
	}
	if len(all) > limit {
		reply["paging"] = map[string]any{"next": map[string]any{"after": all[limit-1].place()}}
	}
	reply["results"] = shown
	return ok(reply), nil
}

// place is where a thread stands among the latest.
func (t thread) place() string { return fmt.Sprintf("%015d::%s", t.latest(), t.ID) }

// contactSearch is the one search that is played: contacts that changed.
type contactSearch struct {
	Groups []struct {
		Filters []struct {
			Property string `json:"propertyName"`
			Operator string `json:"operator"`
			Value    string `json:"value"`
		} `json:"filters"`
	} `json:"filterGroups"`
	Sorts []struct {
		Property  string `json:"propertyName"`
		Direction string `json:"direction"`
	} `json:"sorts"`
	Properties []string `json:"properties"`
	Limit      int      `json:"limit"`
	After      string   `json:"after"`
}

const (
	modified    = "lastmodifieddate"
	maxSearched = 200
	deepest     = 10_000
)

// parse reads a search; ok says whether it is one that is played.
func (q *contactSearch) parse(body []byte) (since int64, after int, ok bool) {
	if json.Unmarshal(body, q) != nil || len(q.Groups) != 1 || len(q.Groups[0].Filters) != 1 || len(q.Sorts) != 1 || q.Limit < 1 || q.Limit > maxSearched {
		return 0, 0, false
	}
	f := q.Groups[0].Filters[0]
	since, err := strconv.ParseInt(f.Value, 10, 64)
	if err != nil || f.Property != modified || f.Operator != "GTE" || q.Sorts[0].Property != modified || q.Sorts[0].Direction != "DESCENDING" {
		return 0, 0, false
	}
	if q.After != "" {
		after, err = strconv.Atoi(q.After)
	}
	return since, after, err == nil && after >= 0 && after+q.Limit <= deepest
}

// searchContacts lists those that changed, newest first.
func (s *Server) searchContacts(c *call) (answer, error) {
	var q contactSearch
	since, after, valid := q.parse(c.body)
	if !valid {
		return refuse(http.StatusBadRequest, "VALIDATION_ERROR", "There was a problem with the request."), nil
	}
	all, err := docs[contact](s, c, "contact_changed", 0, since)
	if err != nil {
		return answer{}, err
	}
	all = slices.DeleteFunc(all, func(p contact) bool { return p.Deleted || p.MergedInto != "" })
	end := min(after+q.Limit, len(all))
	shown := []any{}
	for _, p := range all[min(after, end):end] {
		shown = append(shown, p.show(strings.Join(q.Properties, ",")))
	}
	reply := map[string]any{"total": len(all), "results": shown}
	if end < len(all) {
		reply["paging"] = map[string]any{"next": map[string]any{"after": strconv.Itoa(end)}}
	}
	return ok(reply), nil
}
