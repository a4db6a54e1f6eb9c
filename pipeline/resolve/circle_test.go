package resolve_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"sourceloop/pipeline/resolve"
)

// TestALookThatIsLedInACircleEnds: a provider whose next page is one from before, at once or after some others, is not asked for ever; the
// note says that not all was seen. One that goes on is read to its end.
func TestALookThatIsLedInACircleEnds(t *testing.T) {
	for name, newLister := range map[string]func(*http.Client) resolve.Lister{
		"Intercom": func(client *http.Client) resolve.Lister {
			return newDesk(t, openDoor{}, func(c *resolve.IntercomConfig) { c.Client = client })
		},
		"HubSpot": func(client *http.Client) resolve.Lister { return plainHubSpot(t, client) },
	} {
		for _, c := range []circling{{0, 1}, {0, 2}, {1, 1}, {3, 5}, {17, 1}, {2, 40}, {100, 7}, {300, 0}} {
			for _, everything := range []bool{false, true} {
				lister, noted, pages := newLister(&http.Client{Transport: c}), false, 0
				most := 2 * (4*(c.lead+c.circle) + 4) // Of conversations, and of contacts.
				for position := ""; pages == 0 || position != ""; pages++ {
					page, err := lister.Page(t.Context(), resolve.Ask{
						Workspace: workspace, Connection: connection, App: "4242", Everything: everything, Position: position, Now: received,
					})
					if err != nil {
						t.Fatal(err)
					}
					if pages > most {
						t.Fatalf("%s leads into a circle of %d after %d pages, and %d were read", name, c.circle, c.lead, pages)
					}
					position, noted = page.Next, noted || strings.Contains(page.Note, "again")
				}
				if noted != (c.circle > 0) || c.circle == 0 && pages < c.lead {
					t.Errorf("%s leads into a circle of %d after %d pages: %d were read, and that it is one is noted: %t", name, c.circle, c.lead, pages, noted)
				}
			}
		}
	}
}

// circling answers with empty pages, of which each names the next: so many in a row, and then so many in a circle.
type circling struct{ lead, circle int }

// RoundTrip finds the cursor of the page that is asked for in the address or in the body.
func (c circling) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	page := 0
	for n := range c.lead + c.circle {
		if cursor := fmt.Sprintf("page-%d-", n); strings.Contains(string(body)+r.URL.RawQuery, cursor) {
			page = n
		}
	}
	next := ""
	switch page++; {
	case page < c.lead+c.circle:
		next = fmt.Sprintf("page-%d-", page)
	case c.circle > 0:
		next = fmt.Sprintf("page-%d-", c.lead)
	}
	answer := fmt.Sprintf(`{"results":[],"conversations":[],"data":[],"paging":{"next":{"after":%[1]q}},"pages":{"next":{"starting_after":%[1]q}}}`, next)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer))}, nil
}
