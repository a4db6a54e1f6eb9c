package linkedin

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"sourceloop/deploy/standin/ads"
	"sourceloop/deploy/standin/ledger"
)

const (
	// maxBatch is how many events a batch may have.
	maxBatch = 5000
	// maxAge is how old an event may be.
	maxAge = 90 * 24 * time.Hour
	// rulePrefix is before a rule's id.
	rulePrefix = "urn:lla:llaPartnerConversion:"
)

// event is one that has the right shape.
type event struct {
	raw        map[string]any
	conversion string
	id         string
	at         time.Time
}

func (s *Server) events(c *ads.Call) (ads.Answer, error) {
	method := c.Request.Header.Get("X-RestLi-Method")
	batch := strings.EqualFold(method, "BATCH_CREATE")
	if method != "" && !batch && !strings.EqualFold(method, "CREATE") {
		return fault(http.StatusBadRequest, "", "X-RestLi-Method must be CREATE or BATCH_CREATE."), nil
	}
	list, refusal := parse(c.Body, batch, s.Now())
	if refusal.Status == 0 {
		var err error
		if refusal, err = s.finds(c, batch); err != nil {
			return ads.Answer{}, err
		}
	}
	if refusal.Status != 0 {
		return refusal, nil
	}
	if !batch {
		if _, known := s.rule(list[0].conversion); !known {
			return noAccount(), nil
		}
		return ads.Answer{Status: http.StatusCreated}, s.take(c, list)
	}
	elements := []map[string]any{}
	for _, e := range list {
		element := map[string]any{"status": http.StatusCreated}
		if _, known := s.rule(e.conversion); !known {
			element = map[string]any{"status": http.StatusForbidden, "error": noAccount().Body}
		}
		elements = append(elements, element)
	}
	return ads.Answer{Status: http.StatusOK, Body: map[string]any{"elements": elements}}, s.take(c, list)
}

// finds is what the stand-in was told to find wrong with the first event.
func (s *Server) finds(c *ads.Call, batch bool) (ads.Answer, error) {
	if on, err := s.Fault(c.Request.Context(), faultTooOld); on || err != nil {
		return outOfTime([]int{0}), err
	}
	path := ""
	if batch {
		path = "/elements/0"
	}
	if on, err := s.Fault(c.Request.Context(), faultMalformed); on || err != nil {
		return malformed(line(path+"/conversionValue/amount", "the value cannot be coerced to String")), err
	}
	return ads.Answer{}, nil
}

func malformed(wrong []string) ads.Answer {
	return fault(http.StatusUnprocessableEntity, "", strings.Join(wrong, "\n")+"\n")
}

func outOfTime(indices []int) ads.Answer {
	return fault(http.StatusBadRequest, "", fmt.Sprintf(
		"Conversion events should have happened within 90 days and not in the future. Failed for indices %v", indices))
}

func (s *Server) rule(urn string) (Rule, bool) {
	i := slices.IndexFunc(s.rules, func(r Rule) bool { return urn == fmt.Sprint(rulePrefix, r.ID) })
	if i < 0 {
		return Rule{}, false
	}
	return s.rules[i], true
}

// take puts the events of known rules down.
func (s *Server) take(c *ads.Call, list []event) error {
	return s.Write(c.Request.Context(), func(tx *ledger.Session) error {
		for _, e := range list {
			r, known := s.rule(e.conversion)
			if !known {
				continue
			}
			kept := ads.Conversion{Place: e.conversion, ID: e.id, Event: e.raw}
			if !r.Enabled {
				kept.Why = "the rule is switched off"
			}
			if err := s.Keep(tx, kept); err != nil {
				return err
			}
		}
		return nil
	})
}

// parse reads a body: one event, or {"elements": […]}. The refusal has status
// 0 when nothing is wrong.
func parse(body []byte, batch bool, now time.Time) ([]event, ads.Answer) {
	value, err := ads.Decode(body)
	if err != nil {
		return nil, fault(http.StatusBadRequest, "", "Invalid JSON in the body")
	}
	all, paths := []any{value}, []string{""}
	if batch {
		if all, paths, err = elements(value); err != nil {
			return nil, fault(http.StatusBadRequest, "", err.Error())
		}
	}
	var wrong []string
	for i, one := range all {
		wrong = append(wrong, conversionEvent().check(paths[i], one)...)
	}
	if len(wrong) > 0 {
		return nil, malformed(wrong)
	}
	list, outside := timed(all, now)
	if len(outside) > 0 {
		return nil, outOfTime(outside)
	}
	return list, ads.Answer{}
}

// elements are the events of a batch and their paths.
func elements(value any) (all []any, paths []string, err error) {
	members, isObject := value.(map[string]any)
	all, isList := members["elements"].([]any)
	switch {
	case !isObject || !isList || len(members) != 1:
		return nil, nil, fmt.Errorf("a batch is an object with the list elements, and nothing else")
	case len(all) == 0 || len(all) > maxBatch:
		return nil, nil, fmt.Errorf("a batch has 1 to %d elements, not %d", maxBatch, len(all))
	}
	for i := range all {
		paths = append(paths, fmt.Sprintf("/elements/%d", i))
	}
	return all, paths, nil
}

// timed makes events of values of the right shape, and names those whose time
// is outside of what is taken.
func timed(all []any, now time.Time) (list []event, outside []int) {
	for i, one := range all {
		raw, _ := one.(map[string]any) // Its shape was checked.
		e := event{raw: raw, at: time.UnixMilli(number(raw["conversionHappenedAt"]))}
		e.conversion, _ = raw["conversion"].(string) // The same.
		e.id, _ = raw["eventId"].(string)            // It may be missing.
		if e.at.After(now) || now.Sub(e.at) > maxAge {
			outside = append(outside, i)
		}
		list = append(list, e)
	}
	return list, outside
}
