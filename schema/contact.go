package schema

// Contact is a person as the identity graph knows them.
type Contact struct {
	ID        ID
	Workspace uint32
	Email     string   // canonical; "" when only a phone is known
	Phone     string   // canonical, E.164
	Name      string   // as the newest evidence has it, verified before asserted
	Emails    []string // every email it ever had, the canonical one first
	Phones    []string
	Nodes     []Node // all nodes, sorted
	CreatedAt Millis // time of its first identification (email, phone, provider or user)
	Evidence  []ContactEvidence
	Redirect  ID // of an id that is live no more: the contact it became part of
}

// ContactEvidence says why a node belongs to a contact.
type ContactEvidence struct {
	Node     Node
	Method   string // sourceloop_id, intercom, identify …
	Evidence string
	Verified bool
	At       Millis
}

// Identity says whose a node is, and since when. A visitor that was split by
// time has several stretches; everything before the first belongs to the first.
type Identity struct {
	Workspace uint32
	Node      Node
	Since     []Millis // ascending, as long as Contacts
	Contacts  []ID
}

// Owner is the contact of the last identification at or before a moment, the
// first one for earlier moments, or the zero id when there is none.
func (i *Identity) Owner(at Millis) ID {
	if len(i.Contacts) == 0 {
		return ID{}
	}
	k := 0
	for k+1 < len(i.Since) && i.Since[k+1] <= at {
		k++
	}
	return i.Contacts[k]
}

// ContactRow is one version of a contact as it is stored; a row exists for
// every id a contact ever had, one live and the rest redirects or deleted.
type ContactRow struct {
	Contact
	Version uint64
	Deleted bool
}

// IdentityRow is one version of an identity as it is stored.
type IdentityRow struct {
	Identity
	Version uint64
	Deleted bool
}

// ClaimRow is a claim as it is stored.
type ClaimRow struct {
	*Claim
	Version uint64
}

// FactRow is a conversion before crediting, as it is stored.
type FactRow struct {
	*ConversionFact
	Version uint64
}
