package hubspot

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// listed is a page of a list.
type listed struct {
	Results []struct{ ID string }
	Paging  struct{ Next struct{ After string } }
}

func (l listed) ids() (ids []string) {
	for _, r := range l.Results {
		ids = append(ids, r.ID)
	}
	return ids
}

// TestThreadsByTheirLatestMessage: in pages, and those that were spoken in
// since; without being told since when it refuses.
func TestThreadsByTheirLatestMessage(t *testing.T) {
	b := newBench(t, nil).connect()
	const list = "/conversations/v3/conversations/threads?sort=latestMessageTimestamp"
	begin := time.Now().Add(-time.Hour).UnixMilli()
	var want []string
	for i := range 5 {
		at := begin + int64(i)*1000
		want = append(want, b.chat(fmt.Sprintf(`{"at":%d,"message":"Hello","email":"p%d@example.com"}`, at, i)).ConversationID)
	}
	since := time.UnixMilli(begin + 500).UTC().Format(time.RFC3339Nano)
	var got []string
	after := ""
	for range 3 {
		var l listed
		b.api("GET", list+"&limit=2&latestMessageTimestampAfter="+since+"&after="+after, "", http.StatusOK, &l)
		got = append(got, l.ids()...)
		if after = l.Paging.Next.After; after == "" {
			break
		}
	}
	if !slices.Equal(got, want[1:]) {
		t.Errorf("listed %v, want %v", got, want[1:])
	}
	b.api("GET", list, "", http.StatusBadRequest, nil)
	b.api("GET", strings.Replace(list, "=latest", "=-latest", 1)+"&latestMessageTimestampAfter="+since, "", http.StatusBadRequest, nil)
}

// TestContactsThatChanged: the newest first, in pages.
func TestContactsThatChanged(t *testing.T) {
	b := newBench(t, nil).connect()
	begin := time.Now().Add(-time.Hour).UnixMilli()
	var want []string
	for i := range 4 {
		want = append(want, b.chat(fmt.Sprintf(`{"at":%d,"message":"Hello","email":"p%d@example.com"}`, begin+int64(i)*1000, i)).ContactID)
	}
	slices.Reverse(want)
	const search = `{"filterGroups":[{"filters":[{"propertyName":"lastmodifieddate","operator":"GTE","value":"%d"}]}],
		"sorts":[{"propertyName":"lastmodifieddate","direction":"DESCENDING"}],"properties":["email"],"limit":2,"after":%q}`
	var first, second listed
	b.api("POST", "/crm/v3/objects/contacts/search", fmt.Sprintf(search, begin+1000, ""), http.StatusOK, &first)
	b.api("POST", "/crm/v3/objects/contacts/search", fmt.Sprintf(search, begin+1000, first.Paging.Next.After), http.StatusOK, &second)
	if got := append(first.ids(), second.ids()...); !slices.Equal(got, want[:3]) || second.Paging.Next.After != "" {
		t.Errorf("found %v, want %v", got, want[:3])
	}
	b.api("POST", "/crm/v3/objects/contacts/search", fmt.Sprintf(search, begin, "9999"), http.StatusBadRequest, nil)
}
