package control

import "sourceloop/schema"

// Role is what a member, or an API key, may do in one workspace.
type Role string

// The roles, from most to least.
const (
	Owner  Role = "owner"
	Admin  Role = "admin"
	Editor Role = "editor"
	Viewer Role = "viewer"
)

// rank orders roles; an unknown role may nothing.
func (r Role) rank() int {
	switch r {
	case Owner:
		return 4
	case Admin:
		return 3
	case Editor:
		return 2
	case Viewer:
		return 1
	}
	return 0
}

// Action is something a person may be allowed to do.
type Action string

// The actions, and the least role that may do them.
const (
	Read              Action = "read"               // Viewer
	EditFunnels       Action = "edit funnels"       // Editor
	EditStages        Action = "edit stages"        // Editor
	EditSegments      Action = "edit segments"      // Editor
	EditGoals         Action = "edit goals"         // Editor
	SendConversions   Action = "send conversions"   // Editor
	EditCosts         Action = "edit ad cost"       // Editor
	ManageConnections Action = "manage connections" // Admin
	ManageMembers     Action = "manage members"     // Admin, up to Admin; Owner, all
	ManageKeys        Action = "manage keys"        // Admin
	ManageSettings    Action = "manage settings"    // Admin
	Erase             Action = "erase a person"     // Admin
	ManageWebhooks    Action = "manage webhooks"    // Admin
	ManageBI          Action = "manage BI access"   // Admin
	UndoMerges        Action = "undo merges"        // Admin
	ReadAudit         Action = "read the audit log" // Admin
)

func (a Action) least() Role {
	switch a {
	case Read:
		return Viewer
	case EditFunnels, EditStages, EditSegments, EditGoals, SendConversions, EditCosts:
		return Editor
	case ManageConnections, ManageMembers, ManageKeys, ManageSettings, ManageWebhooks, ManageBI, Erase, UndoMerges, ReadAudit:
		return Admin
	}
	return Owner
}

// Principal is who asks: a signed-in person, or an API key, in one workspace.
type Principal struct {
	User      int64  // 0 for an API key
	Email     string // of the person; "" for an API key
	Key       int64  // number of the API key; 0 for a person
	Workspace uint32
	Role      Role
}

// Can tells whether the principal's role allows an action in its workspace.
func (p Principal) Can(a Action) bool { return p.Role.rank() >= a.least().rank() }

// Require is Can as an error in words.
func (p Principal) Require(op string, a Action) error {
	if p.Workspace != 0 && p.Can(a) {
		return nil
	}
	return schema.E(op, schema.KindDenied, "Your role may not %s. Ask an Owner or an Admin of this workspace.", a)
}

// Operator is whoever runs the program and its databases: there is no account
// to it, and nothing it may not do in a workspace.
func Operator(workspace uint32) Principal { return Principal{Workspace: workspace, Role: Owner} }
