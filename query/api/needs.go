package api

import "sourceloop/control"

// need is what an operation asks of who asks it.
type need struct {
	public bool           // anybody
	action control.Action // else: a role that may do this
}

// needs says of every operation of the contract who may ask it. An operation
// that is missing here is not served at all.
func needs() map[string]need {
	public := need{public: true}
	read, connections, keys := need{action: control.Read}, need{action: control.ManageConnections}, need{action: control.ManageKeys}
	funnels := need{action: control.EditFunnels}
	webhooks, goals := need{action: control.ManageWebhooks}, need{action: control.EditGoals}
	bi := need{action: control.ManageBI}
	return map[string]need{
		"signIn": public, "signOut": public, "signUp": public, "getSession": read,
		"listContacts": read, "getContact": read, "getJourney": read, "listJourneys": read, "listStages": read,
		"updateContact": {action: control.EditStages}, "replaceStages": {action: control.EditStages},
		"listMerges": read, "decideMerge": {action: control.UndoMerges},
		"listPaths": read, "listContent": read, "listLocations": read,
		"getTraffic": read, "getAttribution": read, "queryFunnel": read,
		"listCreditedConversions": read, "listAttributionChanges": read, "explainConversion": read,
		"countMatches": read, "trendFunnel": read, "listFunnelPeople": read, "listFunnelPaths": read, "listBestPaths": read, "correlateFunnel": read,
		"listFunnels": read, "getFunnel": read, "createFunnel": funnels, "replaceFunnel": funnels, "deleteFunnel": funnels,
		"recordConversion": {action: control.SendConversions},
		"listConnections":  read, "testConnection": connections, "disconnect": connections, "startBackfill": connections, "examineConnection": connections,
		"listAds": read, "connectAdsByToken": connections, "listAdTargets": connections,
		"listDestinations": read, "getDestination": read, "createDestination": connections, "replaceDestination": connections, "deleteDestination": connections,
		"listPushes": read, "getPush": read, "retryPush": {action: control.SendConversions}, "retryPushes": {action: control.SendConversions},
		"getTracking": read, "verifyTracking": read,
		"listGoals": read, "createGoal": goals, "replaceGoal": goals, "deleteGoal": goals,
		"listSegments": read, "saveSegment": {action: control.EditSegments}, "deleteSegment": {action: control.EditSegments},
		"listRebuilds": read, "startRebuild": {action: control.ManageSettings},
		"getSettings": read, "replaceSettings": {action: control.ManageSettings}, "previewChannels": {action: control.ManageSettings},
		"listErasures": {action: control.Erase}, "requestErasure": {action: control.Erase},
		"listIncomingHooks": webhooks, "createIncomingHook": webhooks, "updateIncomingHook": webhooks, "renewIncomingHook": webhooks, "deleteIncomingHook": webhooks,
		"listWebhooks": webhooks, "createWebhook": webhooks, "updateWebhook": webhooks, "deleteWebhook": webhooks, "pauseWebhook": webhooks,
		"rotateWebhookSecret": webhooks, "testWebhook": webhooks, "listDeliveries": webhooks, "replayDelivery": webhooks, "replayFailedDeliveries": webhooks,
		"listCosts": read, "uploadCosts": {action: control.EditCosts}, "deleteCosts": {action: control.EditCosts},
		"getBIAccess": bi, "addBIUser": bi, "removeBIUser": bi,
		"listKeys": keys, "createKey": keys, "deleteKey": keys,
	}
}
