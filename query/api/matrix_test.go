package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"sourceloop/control"
	"sourceloop/query/api"
	"sourceloop/schema"
	sink "sourceloop/sinks/clickhouse"
)

// leastRoles says of every operation whom the contract lets in: the least
// role, or "" for anybody.
func leastRoles() map[string]control.Role {
	return map[string]control.Role{
		"signIn": "", "signOut": "", "signUp": "", "getSession": control.Viewer,
		"listContacts": control.Viewer, "getContact": control.Viewer, "getJourney": control.Viewer, "listJourneys": control.Viewer, "listStages": control.Viewer,
		"getTraffic": control.Viewer, "getAttribution": control.Viewer,
		"listCreditedConversions": control.Viewer, "listAttributionChanges": control.Viewer, "explainConversion": control.Viewer, "queryFunnel": control.Viewer,
		"countMatches": control.Viewer, "trendFunnel": control.Viewer, "listFunnelPeople": control.Viewer,
		"listFunnelPaths": control.Viewer, "listBestPaths": control.Viewer, "correlateFunnel": control.Viewer,
		"listFunnels": control.Viewer, "getFunnel": control.Viewer, "listConnections": control.Viewer,
		"getTracking": control.Viewer, "verifyTracking": control.Viewer,
		"listMerges": control.Viewer, "decideMerge": control.Admin,
		"replaceStages": control.Editor,
		"listAds":       control.Viewer, "connectAdsByToken": control.Admin, "listAdTargets": control.Admin,
		"listDestinations": control.Viewer, "getDestination": control.Viewer, "createDestination": control.Admin, "replaceDestination": control.Admin, "deleteDestination": control.Admin,
		"listPushes": control.Viewer, "getPush": control.Viewer, "retryPush": control.Editor, "retryPushes": control.Editor,
		"updateContact": control.Editor, "createFunnel": control.Editor, "replaceFunnel": control.Editor, "deleteFunnel": control.Editor,
		"recordConversion": control.Editor,
		"testConnection":   control.Admin, "disconnect": control.Admin, "startBackfill": control.Admin, "examineConnection": control.Admin,
		"listGoals": control.Viewer, "createGoal": control.Editor, "replaceGoal": control.Editor, "deleteGoal": control.Editor,
		"listSegments": control.Viewer, "saveSegment": control.Editor, "deleteSegment": control.Editor,
		"listRebuilds": control.Viewer, "startRebuild": control.Admin,
		"getSettings": control.Viewer, "replaceSettings": control.Admin, "previewChannels": control.Admin,
		"listErasures": control.Admin, "requestErasure": control.Admin,
		"listIncomingHooks": control.Admin, "createIncomingHook": control.Admin, "updateIncomingHook": control.Admin,
		"renewIncomingHook": control.Admin, "deleteIncomingHook": control.Admin,
		"listWebhooks": control.Admin, "createWebhook": control.Admin, "updateWebhook": control.Admin, "deleteWebhook": control.Admin,
		"pauseWebhook": control.Admin, "rotateWebhookSecret": control.Admin, "testWebhook": control.Admin, "listDeliveries": control.Admin,
		"replayDelivery": control.Admin, "replayFailedDeliveries": control.Admin,
		"listPaths": control.Viewer, "listContent": control.Viewer, "listLocations": control.Viewer,
		"listCosts": control.Viewer, "uploadCosts": control.Editor, "deleteCosts": control.Editor,
		"getBIAccess": control.Admin, "addBIUser": control.Admin, "removeBIUser": control.Admin,
		"listKeys": control.Admin, "createKey": control.Admin, "deleteKey": control.Admin,
	}
}

// sample is a request that succeeds when asked by whoever may, about things of
// the owner's workspace; things are made anew for every request.
type sample struct {
	path    string
	body    any
	names   bool // it names a thing by its id
	success int
}

func (w *world) sample(t *testing.T, operation, path string, owner control.Principal, n int) sample {
	t.Helper()
	contact := w.ada
	if owner.Workspace == w.ben.Workspace {
		contact = w.eve
	}
	definition := map[string]any{"steps": []any{
		map[string]string{"type": "pageview", "operator": "contains", "value": "/pricing"},
		map[string]string{"type": "conversion", "name": "intercom_conversation"},
	}}
	if s, ok := w.adSample(t, operation, path, owner, contact, n); ok {
		return s
	}
	byID := func(id string) string { return strings.Replace(path, "{id}", id, 1) }
	provider := strings.Replace(path, "{provider}", "intercom", 1)
	funnel := func() string {
		id, err := w.store.SaveFunnel(t.Context(), owner, control.Funnel{Name: fmt.Sprint("mine ", n), Body: []byte(`{"steps":[]}`)})
		if err != nil {
			t.Fatal(err)
		}
		return byID(fmt.Sprint(id))
	}
	switch operation {
	case "getContact", "getJourney", "listMerges":
		return sample{byID(contact.String()), nil, true, 200}
	case "explainConversion":
		return sample{byID(schema.ConversationID(owner.Workspace, "intercom", "1").String()), nil, true, 200}
	case "listCreditedConversions":
		return sample{path + "?dimension=source&key=google", nil, false, 200}
	case "listAttributionChanges":
		return sample{path + "?as_of=2026-09-20", nil, false, 200}
	case "listJourneys":
		return sample{path + "?contact=" + contact.String(), nil, false, 200}
	case "requestErasure":
		return sample{path, map[string]string{"contact": contact.String()}, true, 202}
	case "decideMerge":
		return sample{byID(contact.String()), map[string]any{"contact": w.merged(t, owner, contact), "apart": true}, true, 202}
	case "updateContact":
		return sample{byID(contact.String()), map[string]string{"stage": "Contacted"}, true, 200}
	case "getFunnel":
		return sample{funnel(), nil, true, 200}
	case "replaceFunnel":
		return sample{funnel(), map[string]any{"name": fmt.Sprint("changed ", n), "definition": definition}, true, 200}
	case "deleteFunnel":
		return sample{funnel(), nil, true, 204}
	case "createFunnel":
		return sample{path, map[string]any{"name": fmt.Sprint("new ", n), "definition": definition}, false, 201}
	case "queryFunnel", "countMatches", "trendFunnel", "listBestPaths", "correlateFunnel":
		return sample{path, definition, false, 200}
	case "listFunnelPeople", "listFunnelPaths":
		definition["step"] = 1
		return sample{path, definition, false, 200}
	case "saveSegment":
		return sample{path, map[string]any{"name": fmt.Sprint("new ", n), "filters": []string{"medium:is:cpc"}}, false, 200}
	case "deleteSegment":
		saved, err := w.store.SaveSegment(t.Context(), owner, fmt.Sprint("mine ", n), []string{"medium:is:cpc"})
		if err != nil {
			t.Fatal(err)
		}
		return sample{byID(fmt.Sprint(saved.ID)), nil, true, 204}
	case "createGoal":
		return sample{path, goalBody(n), false, 201}
	case "replaceGoal":
		return sample{byID(w.goal(t, owner, n)), goalBody(n), true, 200}
	case "deleteGoal":
		return sample{byID(w.goal(t, owner, n)), nil, true, 204}
	case "startRebuild":
		return sample{path, map[string]string{"from": "2026-09-20"}, false, 202}
	case "deleteKey":
		token, err := w.store.CreateAPIKey(t.Context(), owner, control.NewAPIKey{Name: "to go", Role: control.Viewer})
		if err != nil {
			t.Fatal(err)
		}
		who, _ := w.store.Directory().APIKey(token)
		return sample{byID(fmt.Sprint(who.Key)), nil, true, 204}
	case "addBIUser":
		return sample{path, map[string]any{"name": fmt.Sprint("tool_", n)}, false, 201}
	case "removeBIUser":
		user, _, err := w.tools.Add(t.Context(), owner, fmt.Sprint("gone_", n), false)
		if err != nil {
			t.Fatal(err)
		}
		return sample{strings.Replace(path, "{login}", user.Login, 1), nil, true, 200}
	case "createIncomingHook":
		return sample{path, map[string]any{"name": "shop", "conversion": "purchase"}, false, 201}
	case "updateIncomingHook":
		return sample{byID(w.incomingOf(t, owner)), map[string]any{"name": "shop", "conversion": "purchase", "value": 5}, true, 200}
	case "renewIncomingHook":
		return sample{byID(w.incomingOf(t, owner)), nil, true, 200}
	case "deleteIncomingHook":
		return sample{byID(w.incomingOf(t, owner)), nil, true, 204}
	case "createWebhook":
		w.spareWebhook(t, owner)
		return sample{path, webhook(n), false, 201}
	case "updateWebhook":
		return sample{byID(w.webhookOf(t, owner)), webhook(n), true, 200}
	case "deleteWebhook":
		return sample{byID(w.webhookOf(t, owner)), nil, true, 204}
	case "pauseWebhook":
		return sample{byID(w.webhookOf(t, owner)), map[string]bool{"paused": true}, true, 200}
	case "rotateWebhookSecret", "listDeliveries":
		return sample{byID(w.webhookOf(t, owner)), nil, true, 200}
	case "testWebhook":
		return sample{byID(w.webhookOf(t, owner)), nil, true, 202}
	case "replayFailedDeliveries":
		return sample{byID(w.webhookOf(t, owner)), map[string]string{"since": "2026-09-20T10:00:00Z"}, true, 202}
	case "replayDelivery":
		id := w.webhookOf(t, owner)
		return sample{strings.Replace(byID(id), "{delivery}", w.delivery(t, owner, id), 1), nil, true, 204}
	case "previewChannels":
		return sample{path, map[string]any{"rules": w.settings(t, owner).Rules}, false, 200}
	case "replaceSettings":
		return sample{path, w.settings(t, owner), false, 200}
	case "createKey":
		return sample{path, map[string]string{"name": "new", "role": "viewer"}, false, 201}
	case "uploadCosts":
		return sample{path, csvFile("day,source,campaign,cost\n2026-09-01,google,mine," + fmt.Sprint(n) + "\n"), false, 200}
	case "deleteCosts":
		return sample{path + "?from=2026-09-01&to=2026-09-02", nil, false, 200}
	case "recordConversion":
		return sample{path, map[string]string{"id": fmt.Sprint(n), "name": "p", "at": "2026-09-20T10:00:00Z", "email": "a@b.example"}, false, 202}
	case "testConnection", "disconnect", "examineConnection":
		w.connect(t, owner)
		return sample{provider, nil, false, 200}
	case "startBackfill":
		w.connect(t, owner)
		return sample{provider, nil, false, 204}
	}
	return sample{path, nil, false, 200}
}

func goalBody(n int) map[string]any {
	return map[string]any{"name": fmt.Sprint("new ", n), "kind": "page", "operator": "equals", "value": "/pricing", "worth": 5}
}

// goal makes a goal that is counted, in the place of the one before.
func (w *world) goal(t *testing.T, owner control.Principal, n int) string {
	t.Helper()
	all, err := w.store.Goals(t.Context(), owner)
	for _, g := range all {
		if err == nil {
			_, err = w.store.DeleteGoal(t.Context(), owner, g.ID)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	made, _, err := w.store.SaveGoal(t.Context(), owner, schema.Goal{Name: fmt.Sprint("mine ", n), Kind: schema.PageGoal, Operator: "equals", Value: "/"})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(made.ID)
}

// merged makes a contact that became part of another, and gives its id.
func (w *world) merged(t *testing.T, owner control.Principal, into schema.ID) string {
	t.Helper()
	name, provider := "ada@a.example", schema.NewNode(schema.NodeIntercom, "ada")
	if into == w.eve {
		name, provider = "eve@b.example", schema.NewNode(schema.NodeIntercom, "eve")
	}
	nodes := []schema.Node{provider, schema.NewNode(schema.NodeEmail, name)}
	live := schema.Contact{ID: into, Workspace: owner.Workspace, Email: name, Emails: []string{name}, Nodes: nodes}
	for _, n := range nodes {
		live.Evidence = append(live.Evidence, schema.ContactEvidence{Node: n, Method: "intercom", Verified: true})
	}
	former := schema.Contact{ID: schema.ContactID(owner.Workspace, nodes[1]), Workspace: owner.Workspace, Redirect: into}
	if err := w.sink.Write(t.Context(), &sink.Batch{Contacts: []schema.ContactRow{{Contact: live, Version: 2}, {Contact: former, Version: 2}}}); err != nil {
		t.Fatal(err)
	}
	return former.ID.String()
}

// settings are what the owner's workspace has, as they are sent to be saved.
func (w *world) settings(t *testing.T, owner control.Principal) api.SettingsInput {
	t.Helper()
	var now api.SettingsInput
	w.keyed(owner, control.Viewer).want(200, "GET", "/api/v1/settings", nil).into(t, &now)
	return now
}

// connect makes a connected connection to a chat, without a browser.
func (w *world) connect(t *testing.T, owner control.Principal) {
	t.Helper()
	w.connectTo(t, owner, "intercom")
}

// connectTo does so to any provider.
func (w *world) connectTo(t *testing.T, owner control.Principal, provider string) {
	t.Helper()
	ctx := t.Context()
	state, err := w.store.BeginConnection(ctx, owner, provider, "browser")
	if err != nil {
		t.Fatal(err)
	}
	c, err := w.store.UseState(ctx, provider, state, "browser")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.store.SaveGrant(ctx, c.ID, control.Grant{Access: "good"}); err != nil {
		t.Fatal(err)
	}
	if err := w.store.MarkConnected(ctx, c.ID, control.Setup{App: "acme1", Name: "Acme"}); err != nil {
		t.Fatal(err)
	}
}

// TestEveryRouteAndRole tries every operation of the contract as nobody, as
// every role, and as every role of another workspace.
func TestEveryRouteAndRole(t *testing.T) {
	w := newStory(t)
	doc, err := openapi3.NewLoader().LoadFromFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	roles := []control.Role{control.Viewer, control.Editor, control.Admin, control.Owner}
	own, foreign := map[control.Role]*client{}, map[control.Role]*client{}
	for _, role := range roles {
		own[role], foreign[role] = w.keyed(w.ann, role), w.keyed(w.ben, role)
	}
	least, n := leastRoles(), 0
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			needed, ok := least[op.OperationID]
			if !ok {
				t.Errorf("%s: the test does not know who may ask it", op.OperationID)
				continue
			}
			if needed == "" {
				continue // Tried with the account.
			}
			t.Run(op.OperationID, func(t *testing.T) {
				w.t = t
				next := func() sample { n++; return w.sample(t, op.OperationID, path, w.ann, n) }
				s := next()
				(&client{world: w}).want(http.StatusUnauthorized, method, s.path, s.body)
				for i, role := range roles {
					allowed := i >= slices.Index(roles, needed)
					s := next()
					want := s.success
					if !allowed {
						want = http.StatusForbidden
					}
					got := own[role].want(want, method, s.path, s.body)
					noneOf(t, "Ann's "+string(role), got, "eve@b.example", "b.example/", w.eve.String())
					s = next()
					switch {
					case !allowed:
						want = http.StatusForbidden
					case s.names:
						want = http.StatusNotFound
					default:
						want = 0 // About their own workspace: anything, but nothing of Ann's.
					}
					got = foreign[role].ask(method, s.path, s.body)
					if want != 0 && got.status != want {
						t.Errorf("a foreign %s got %d, want %d: %s", role, got.status, want, got.body)
					}
					noneOf(t, "a foreign "+string(role), got, "ada@a.example", "bob@a.example", "a.example/", "mine ", w.bob.String())
				}
			})
		}
	}
}

func noneOf(t *testing.T, who string, a answer, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		if strings.Contains(string(a.body), secret) {
			t.Errorf("%s reads %q in %s", who, secret, a.body)
		}
	}
}
