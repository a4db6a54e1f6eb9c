package googleads

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"sourceloop/schema"
	"sourceloop/sinks/wire"
)

// requestStatus is what is read of RetrieveRequestStatusResponse.
type requestStatus struct {
	Destinations []struct {
		Status string `json:"requestStatus"`
		Errors struct {
			Counts []reasonCount `json:"errorCounts"`
		} `json:"errorInfo"`
		Warnings struct {
			Counts []reasonCount `json:"warningCounts"`
		} `json:"warningInfo"`
		Events struct {
			Count count `json:"recordCount"`
		} `json:"eventsIngestionStatus"`
	} `json:"requestStatusPerDestination"`
}

type reasonCount struct {
	Reason string `json:"reason"`
	Count  count  `json:"recordCount"`
}

// count is an int64 of Google's JSON: a text, or a number.
type count int

// UnmarshalJSON takes both; anything else counts nothing.
func (c *count) UnmarshalJSON(b []byte) error {
	if len(b) > 1 && b[0] == '"' {
		b = b[1 : len(b)-1]
	}
	n, err := strconv.Atoi(string(b))
	if err == nil {
		*c = count(n)
	}
	return nil
}

// became reads an answer to requestStatus:retrieve about n events.
func became(a wire.Answer, t schema.Target, receipt string, n int) schema.Verdict {
	if a.Status/100 != 2 {
		return notTold(a, t, receipt)
	}
	var said requestStatus
	if err := json.Unmarshal(a.Body, &said); err != nil || len(said.Destinations) == 0 {
		return still(receipt)
	}
	d := said.Destinations[0]
	switch d.Status {
	case "SUCCESS":
		return sent(d.Warnings.Counts)
	case "FAILED", "PARTIAL_SUCCESS":
		return failed(d.Errors.Counts, d.Status == "FAILED", n, int(d.Events.Count))
	default:
		return still(receipt)
	}
}

func still(receipt string) schema.Verdict {
	return schema.Verdict{Outcome: schema.OutcomeTaken, Receipt: receipt, Words: looking}
}

// notTold is about asking only: the events are where they were.
func notTold(a wire.Answer, t schema.Target, receipt string) schema.Verdict {
	refusal, known := refusalOf(a)
	if a.Status == 0 || a.Status >= 500 {
		return wire.Trouble(title, refusal.status(), a.After)
	}
	if verdict, is := passing(a, refusal, known); is {
		return verdict
	}
	if verdict, is := forbidden(a, refusal, t, nil); is && verdict.Outcome == schema.OutcomeDenied {
		return verdict
	}
	if a.Status == http.StatusNotFound {
		return still(receipt) // Google needs a while to know its own requests.
	}
	return schema.Verdict{Outcome: schema.OutcomeLater, Code: refusal.code(), Words: "Google has it, and does not tell what became of it just now. It is asked again by itself."}
}

func sent(warnings []reasonCount) schema.Verdict {
	v := schema.Verdict{Outcome: schema.OutcomeSent, Words: "Google took it and counts it."}
	for _, w := range warnings {
		v.Words += " Google warns: " + inWords(w.Reason) + "."
	}
	return v
}

// failed finds the one reason that all of the events share; where there are
// several, or only some failed, each is asked about alone.
func failed(counts []reasonCount, all bool, n, records int) schema.Verdict {
	if len(counts) == 0 {
		counts = []reasonCount{{Reason: unspecified, Count: count(n)}}
	}
	slices.SortStableFunc(counts, func(a, b reasonCount) int { return cmp.Compare(b.Count, a.Count) })
	whole := all && len(counts) == 1 && (int(counts[0].Count) >= n || records > 0 && int(counts[0].Count) == records)
	if n > 1 && !whole {
		return schema.Verdict{Outcome: schema.OutcomeAlone, Words: "Google did not count some of the conversions that it got with this one, and does not say which. Each of them is sent again by itself; what was counted is not counted twice."}
	}
	v := verdictOf(counts[0].Reason)
	if v.Outcome == schema.OutcomeLater { // Not counted, so that asking again would be in vain.
		v.Outcome = schema.OutcomeAlone
	}
	return v
}
