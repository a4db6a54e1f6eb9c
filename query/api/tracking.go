package api

import (
	"context"
	"fmt"
	"time"

	"sourceloop/schema"
)

// heardWithin is how far back verifying looks for hits.
const heardWithin = 24 * time.Hour

// GetTracking gives the tracking code.
func (s *service) GetTracking(ctx context.Context, _ GetTrackingRequestObject) (GetTrackingResponseObject, error) {
	w := callerOf(ctx).workspace
	snippet := s.Tracking(w.SiteKey)
	return GetTracking200JSONResponse{Snippet: snippet.HTML, SiteKey: w.SiteKey, TrackerUrl: snippet.URL, Sri: snippet.SRI}, nil
}

// VerifyTracking looks at what has arrived.
func (s *service) VerifyTracking(ctx context.Context, _ VerifyTrackingRequestObject) (VerifyTrackingResponseObject, error) {
	who, now := callerOf(ctx), schema.MillisOf(s.Now())
	arrivals, err := s.reports(who).Arrivals(ctx, now.Add(-heardWithin))
	if err != nil {
		return nil, err
	}
	cards, err := s.Connections.Cards(ctx, who.Principal)
	if err != nil {
		return nil, err
	}
	first := Check{Name: "First hit", Ok: arrivals.Hits > 0}
	if first.Ok {
		first.Text = fmt.Sprintf("The last hit arrived %s from %s.", ago(now.Sub(arrivals.Newest)), arrivals.Host)
	} else {
		first.Text = "Nothing has arrived in the last 24 hours."
		first.Fix = "Put the code on your site and open it in a private window. If nothing arrives, open it with ?sl_debug=1 and look at the browser's console."
	}
	checks := []Check{first}
	for _, card := range cards {
		if card.Sends {
			continue // No chats come from there.
		}
		name := providerName(card.Provider)
		check := Check{Name: name + " chats", Ok: card.LastWebhook != 0}
		switch {
		case check.Ok:
			check.Text = "The last message of " + name + " came " + ago(now.Sub(card.LastWebhook)) + "."
		case card.State == "connected":
			check.Text, check.Fix = "No chat has come yet.", "Start a chat on a page that carries the tracking code."
		default:
			check.Text, check.Fix = name+" is not connected.", "Connect it under Setup, Chat."
		}
		checks = append(checks, check)
	}
	return VerifyTracking200JSONResponse{Checks: checks}, nil
}

// ago says how long something is past.
func ago(d time.Duration) string {
	units := []struct {
		name string
		long time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}}
	for _, u := range units {
		if n := int(d / u.long); n == 1 {
			return "1 " + u.name + " ago"
		} else if n > 1 {
			return fmt.Sprintf("%d %ss ago", n, u.name)
		}
	}
	return "just now"
}
