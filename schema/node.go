package schema

import (
	"slices"
	"strconv"
	"strings"
)

// NodeKind is what a node of the identity graph stands for.
type NodeKind string

// The kinds of nodes. Provider contacts are named after their provider.
const (
	NodeVisitor  NodeKind = "visitor"  // one browser
	NodeEmail    NodeKind = "email"    // normalised: trimmed, lower-case, IDNA
	NodePhone    NodeKind = "phone"    // E.164
	NodeUser     NodeKind = "user"     // the site's own user id
	NodeIntercom NodeKind = "intercom" // an Intercom contact id
	NodeHubSpot  NodeKind = "hubspot"  // a HubSpot contact id, or a conversation; see HubSpotThread
)

// Node is "kind:value", a node of the identity graph of one workspace.
type Node string

// NewNode joins a kind and a normalised value.
func NewNode(kind NodeKind, value string) Node { return Node(string(kind) + ":" + value) }

// HubSpotThread is the node of a HubSpot conversation. HubSpot's chat tells the
// page which conversation it began, and the page's browser is tied to the
// contact by it: no attribute can be put on a HubSpot visitor.
func HubSpotThread(id string) Node { return NewNode(NodeHubSpot, "thread/"+id) }

// Kind is the part before the first colon.
func (n Node) Kind() NodeKind {
	kind, _, _ := strings.Cut(string(n), ":")
	return NodeKind(kind)
}

// Value is the part after the first colon.
func (n Node) Value() string {
	_, value, _ := strings.Cut(string(n), ":")
	return value
}

// IsProvider tells whether the node is a contact of a chat provider.
func (n Node) IsProvider() bool { return n.Kind() == NodeIntercom || n.Kind() == NodeHubSpot }

// Rank orders nodes by how well they name a person, the best first: a browser
// may become somebody else's.
func (n Node) Rank() int {
	switch {
	case n.IsProvider():
		return 0
	case n.Kind() == NodeEmail:
		return 1
	case n.Kind() == NodeUser:
		return 2
	case n.Kind() == NodePhone:
		return 3
	}
	return 4
}

// NewClaim makes a claim with its id, which depends on nothing but what is
// claimed and on what evidence: neither on the time nor on how often it was
// received. Nodes are sorted and made unique.
func NewClaim(workspace uint32, nodes []Node, verified bool, at Millis, evidence, method, name string) *Claim {
	sorted := slices.Clone(nodes)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	parts := []string{"claim", strconv.FormatUint(uint64(workspace), 10), strconv.FormatBool(verified), evidence, method, name}
	texts := make([]string, len(sorted))
	for i, n := range sorted {
		texts[i] = string(n)
	}
	id := Derive(append(parts, texts...)...)
	return &Claim{
		Id: id[:], Workspace: workspace, Nodes: texts, Verified: verified, At: int64(at),
		Evidence: evidence, Method: method, Name: name,
	}
}

// ConversationID is the id of the conversion that a provider's conversation
// makes, whenever and however often it is heard of.
func ConversationID(workspace uint32, provider, conversation string) ID {
	return Derive("conversion", strconv.FormatUint(uint64(workspace), 10), provider, conversation, "conversation")
}

// SessionID is the id of the session that a visitor's hit begins.
func SessionID(workspace uint32, visitor string, first ID) ID {
	return Derive("session", strconv.FormatUint(uint64(workspace), 10), visitor, string(first[:]))
}

// ContactID is the id of the contact whose first node this is. It stays when
// other nodes join.
func ContactID(workspace uint32, first Node) ID {
	return Derive("contact", strconv.FormatUint(uint64(workspace), 10), string(first))
}
