package sourceloop_test

import (
	"os"
	"strings"
	"testing"
)

// evil is one kind of bad input: where it goes, what must come of it, and the
// tests that send it.
type evil struct {
	sent, must string
	shown      []string // "file: test", or "file: test/row"
	missing    string   // why no test can show it yet
}

// badInput lists every kind that the product promises to stand, so that none is
// forgotten.
func badInput() []evil {
	const (
		hits     = "pipeline/collect/badinput_test.go: TestBadInput/"
		odd      = "pipeline/collect/badinput_test.go: TestOddInputIsStored/"
		edge     = "pipeline/collect/edge_test.go: "
		hooks    = "pipeline/collect/webhooks_test.go: TestIntercomWebhooks/"
		incoming = "pipeline/collect/incoming_test.go: TestIncomingWebhooks/"
		hubspot  = "pipeline/collect/hubspot_test.go: TestHubSpotWebhooks/"
		resolved = "pipeline/resolve/badinput_test.go: TestBadInput/"
		params   = "query/api/problems_test.go: TestParametersThatAreRefused/"
		consent  = "query/api/connections_test.go: TestConnectingThatIsRefusedIsAPageInWords"
		panel    = "query/panel/panel_test.go: TestBadInput/"
		web      = "query/web/src/format.test.ts: "
		flows    = "query/web/check/flows.mjs: "
	)
	return []evil{
		{sent: "hits: empty or malformed JSON", must: "400", shown: []string{hits + "empty", hits + "no JSON", hits + "half a hit", "query/api/conversions_test.go: TestConversionsThatAreRefused/no JSON"}},
		{sent: "hits, webhooks, API: a body too large", must: "413 before parsing, also after inflating", shown: []string{hits + "larger than 1 MiB", hits + "a gzip bomb", hooks + "too large", "query/api/conversions_test.go: TestConversionsThatAreRefused"}},
		{sent: "hits: a gzip bomb", must: "bounded 4xx", shown: []string{hits + "a gzip bomb"}},
		{sent: "hits, webhooks, API: 10,000 levels", must: "bounded 4xx, or set aside", shown: []string{hits + "too deep", hits + "too deep, unknown member", "pipeline/resolve/resolve_test.go: TestNeverResolved/ten thousand in", "query/api/conversions_test.go: TestConversionsThatAreRefused/deep"}},
		{sent: "hits: a member twice", must: "refused field, the others of the batch are taken", shown: []string{hits + "duplicate member", hits + "duplicate member by escape", hits + "duplicate property"}},
		{sent: "hits: NaN", must: "refused field, the others of the batch are taken", shown: []string{hits + "NaN", hits + "Infinity as time"}},
		{sent: "hits: 1e999", must: "refused field, the others of the batch are taken", shown: []string{hits + "1e999", hits + "1e999 as time"}},
		{sent: "hits, webhooks: text that is no UTF-8", must: "dead letter with the bytes", shown: []string{hits + "no UTF-8", resolved + "text that is no UTF-8"}},
		{sent: "hits: NUL and control characters", must: "stripped", shown: []string{odd + "NUL and control characters", odd + "NUL in a property"}},
		{sent: "hits: bidi and zero-width characters", must: "stored, shown without turning what stands beside", shown: []string{odd + "bidi and zero width", web + "turns no neighbour's direction of writing", flows + "hostile text stays text"}},
		{sent: "hits: an unknown key", must: "uniform 202, dropped, counted", shown: []string{"pipeline/collect/badinput_test.go: TestAnUnknownKeyLearnsNothing"}},
		{sent: "hits: an id that is no UUID", must: "400", shown: []string{hits + "id no UUID", hits + "id UUIDv4"}},
		{sent: "hits: a time up to 24 hours ahead", must: "time of arrival", shown: []string{edge + "TestTimes/an hour ahead", edge + "TestTimes/a day ahead"}},
		{sent: "hits: a time further ahead, in µs, negative, a UUIDv7 of 2099", must: "dead letter, no partition explosion", shown: []string{edge + "TestTimes/more than a day ahead", edge + "TestTimes/microseconds", edge + "TestTimes/negative", hits + "id of 2099", "sinks/clickhouse/sink_test.go: TestForgedIDIsStored"}},
		{sent: "hits: the same id with another body", must: "the first wins", shown: []string{"pipeline/session/session_test.go: TestUnionOfTwoBodiesReceivedAtOnce", "sinks/clickhouse/sink_test.go: TestEarlierHitStands", "pipeline/journeys/testdata/session-two-bodies.journey: "}},
		{sent: "hits: the visitor null, or of 10 KB", must: "refused", shown: []string{hits + "visitor the string null", hits + "visitor of 10 KB", resolved + "a visitor of 10 KB"}},
		{sent: "hits, webhooks: a page javascript:", must: "stored, never a link", shown: []string{"pipeline/collect/badinput_test.go: TestAScriptAsPageIsStoredAsText", web + "is no link", flows + "hostile text stays text"}},
		{sent: "hits: an email or a token in a URL", must: "redacted", shown: []string{"pipeline/enrich/redact_test.go: TestRedact", edge + "TestAHitIsEnrichedAndStoredBeforeItIsAcknowledged", odd + "a token in the referrer"}},
		{sent: "hits: a UTM value twice", must: "the first wins", shown: []string{"pipeline/enrich/testdata/channels.txt: utm_source=a&utm_source=b", "pipeline/journeys/testdata/source-utm-values.journey: utm_source=a&utm_source=b"}},
		{sent: "hits: 10,000 parameters", must: "capped", shown: []string{odd + "ten thousand parameters", "pipeline/enrich/channels_test.go: TestClassifyIsBounded"}},
		{sent: "hits: an agent of 64 KB", must: "capped", shown: []string{odd + "an agent of 64 KB", "pipeline/collect/badinput_test.go: TestALongAgentInTheHeaderIsCut"}},
		{sent: "hits: HTML in a UTM value", must: "escaped everywhere", shown: []string{odd + "a formula and HTML", flows + "hostile text stays text"}},
		{sent: "hits: a spreadsheet formula in a UTM value", must: "escaped, in CSV too", shown: []string{odd + "a formula and HTML", "query/web/src/csv.test.ts: begins no formula"}},
		{sent: "hits: broken percent-encoding", must: "kept raw", shown: []string{odd + "broken percent-encoding", "pipeline/enrich/testdata/channels.txt: utm_source=%ff"}},
		{sent: "hits: a forged X-Forwarded-For", must: "the untrusted part is ignored", shown: []string{"pipeline/collect/badinput_test.go: TestOnlyTrustedProxiesAreBelieved"}},
		{sent: "hits: a mixed batch", must: "a verdict per item", shown: []string{edge + "TestAMixedBatchHasAVerdictPerItem", "deploy/e2e/collector_test.go: TestCollectorRefusals/a mixed batch says what was wrong with which"}},
		{sent: "webhooks: a missing, wrong or reformatted signature", must: "401, the body is not logged", shown: []string{hooks + "no signature", hooks + "another body's signature", hooks + "reformatted signature", "deploy/e2e/webhook_test.go: TestWebhookSignatures"}},
		{sent: "webhooks: a HubSpot timestamp older than 5 minutes", must: "401", shown: []string{hubspot + "older than five minutes", hubspot + "a time that was not signed"}},
		{sent: "webhooks: a HubSpot signature over another address, body or time", must: "401, the body is not logged", shown: []string{hubspot + "no signature", hubspot + "another body's signature", hubspot + "another address's signature", hubspot + "a query that was not decoded", hubspot + "v1 only"}},
		{sent: "webhooks: HubSpot events of several accounts, or more than a hundred", must: "each account gets its own, those of strangers are dropped", shown: []string{"pipeline/collect/hubspot_test.go: TestHubSpotEventsGoToTheirAccounts"}},
		{sent: "webhooks: a delivery a second time", must: "200, no effect", shown: []string{"deploy/e2e/webhook_test.go: TestWebhookTwiceAndShuffledIsOneContact", "pipeline/resolve/resolve_test.go: TestRepeatedAfterAChange"}},
		{sent: "webhooks: an unknown topic or version", must: "200, kept aside", shown: []string{hooks + "unknown topic", resolved + "unknown topic", resolved + "unknown version"}},
		{sent: "webhooks: an unknown or disconnected app id", must: "200, discarded, never 410", shown: []string{hooks + "unknown app", hubspot + "unknown account", "pipeline/resolve/resolve_test.go: TestOtherEnds/the connection was closed", "control/connect/intercom/intercom_test.go: TestDisconnect"}},
		{sent: "webhooks: null or several emails", must: "no bogus edge", shown: []string{resolved + "no email", resolved + "several emails in one", resolved + "a list of emails", resolved + "two contacts in a conversation"}},
		{sent: "incoming webhooks: an unknown address", must: "404, the body is not read", shown: []string{incoming + "unknown address"}},
		{sent: "incoming webhooks: no JSON, no UTF-8, too deep, too large", must: "400 or 413, quoting nothing", shown: []string{incoming + "no JSON", incoming + "no UTF-8", incoming + "too deep", incoming + "too large"}},
		{sent: "incoming webhooks: nobody or several who could be meant", must: "422, naming fields and no values", shown: []string{incoming + "nobody", incoming + "several"}},
		{sent: "Inbox panel: a missing, wrong or reformatted signature", must: "401, nothing of it is read", shown: []string{panel + "no signature", panel + "a wrong signature", panel + "upper case", panel + "with a prefix", "deploy/e2e/panel_test.go: TestIntercomInboxPanelIsSignedAndBound"}},
		{sent: "Inbox panel: signed, and no request", must: "400, quoting nothing", shown: []string{panel + "no JSON", panel + "ten thousand deep", panel + "no UTF-8", panel + "no workspace"}},
		{sent: "Inbox panel: a body too large", must: "413 before parsing", shown: []string{panel + "too large"}},
		{sent: "Inbox panel: an app that is not connected", must: "a safe canvas", shown: []string{"query/panel/panel_test.go: TestCanvases/unknown app"}},
		{sent: "Inbox panel: markup, control and bidi characters in a UTM value", must: "shown as a value, without what turns its neighbours", shown: []string{"query/panel/panel_test.go: TestCanvases/hostile"}},
		{sent: "doctor: a page in a private network", must: "not read", shown: []string{"control/doctor/examine/page_test.go: TestAPageOfAPrivateNetworkIsNotRead"}},
		{sent: "doctor: a page that is no web address", must: "400", shown: []string{"query/api/doctor_test.go: TestTheDoctorAnswers"}},
		{sent: "API: limit -1, a forged cursor", must: "400", shown: []string{params + "/contacts?limit=-1", params + "/contacts?cursor=forged", "query/api/reports_test.go: TestPagesOfContacts/changed"}},
		{sent: "API: an unknown dimension or sort", must: "400 with the list", shown: []string{params + "/attribution?dimension=shoe", params + "/contacts?touch=middle"}},
		{sent: "OAuth: consent denied, a state used again", must: "a safe page that says what to do", shown: []string{consent, "query/api/connections_test.go: TestConnectingInABrowser/was used already"}},
		{sent: "anywhere: __proto__", must: "inert", shown: []string{odd + "__proto__", resolved + "__proto__"}},
	}
}

// TestEveryBadInputIsShown finds every test that the list names, and its row.
func TestEveryBadInputIsShown(t *testing.T) {
	for _, e := range badInput() {
		if (len(e.shown) == 0) == (e.missing == "") {
			t.Errorf("%s must be %s: name the tests that show it, or why there are none", e.sent, e.must)
		}
		for _, where := range e.shown {
			file, test, _ := strings.Cut(where, ": ")
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Errorf("%s: %v", e.sent, err)
				continue
			}
			name, row, _ := strings.Cut(test, "/")
			switch {
			case !strings.HasSuffix(file, "_test.go"):
				name, row = "", test
			case row != "":
				row = `"` + row + `"`
			}
			if name != "" && !strings.Contains(string(raw), "func "+name+"(") || !strings.Contains(string(raw), row) {
				t.Errorf("%s must be %s, but %s has no %s", e.sent, e.must, file, test)
			}
		}
	}
}
