package stitch

import (
	"slices"

	"sourceloop/pipeline/identity"
	"sourceloop/schema"
)

// resolve derives the contacts of every component touched and gives the rows
// to write: of components with new evidence all, of others none.
func (st *stretch) resolve(version uint64) *Rows {
	rows := &Rows{}
	for _, c := range st.touched() {
		if !c.added {
			continue
		}
		c.resolution = identity.Resolve(c.workspace, c.stored.GetClaims())
		for _, r := range c.resolution.Refusals {
			st.refusals = append(st.refusals, r.Reason)
		}
		c.tie()
		c.appendRows(rows, version)
	}
	return rows
}

func (c *component) appendRows(rows *Rows, version uint64) {
	for _, claim := range c.stored.GetClaims() {
		rows.Claims = append(rows.Claims, schema.ClaimRow{Claim: claim, Version: version})
	}
	for _, f := range c.stored.GetConversions() {
		rows.Facts = append(rows.Facts, schema.FactRow{ConversionFact: f, Version: version})
	}
	for _, i := range c.resolution.Identities {
		rows.Identities = append(rows.Identities, schema.IdentityRow{Identity: i, Version: version})
	}
	rows.Contacts = append(rows.Contacts, c.contactRows(version)...)
}

// contactRows gives a row for every id that was ever live in the component:
// the live ones, redirects for those that became part of another, deleted
// ones for those whose first node identifies nobody any more. It remembers
// the live ones.
func (c *component) contactRows(version uint64) []schema.ContactRow {
	var rows []schema.ContactRow
	live := make(map[schema.ID]bool)
	for _, contact := range c.resolution.Contacts {
		live[contact.ID] = true
		rows = append(rows, schema.ContactRow{Contact: contact, Version: version})
	}
	heirs := c.heirs()
	for _, b := range c.stored.GetContacts() {
		id := schema.ID(b)
		if live[id] {
			delete(live, id)
			continue
		}
		heir := heirs[id]
		rows = append(rows, schema.ContactRow{
			Contact: schema.Contact{ID: id, Workspace: c.workspace, Redirect: heir}, Version: version, Deleted: heir.IsZero(),
		})
	}
	for _, contact := range c.resolution.Contacts {
		if live[contact.ID] {
			c.stored.Contacts = append(c.stored.Contacts, contact.ID[:])
		}
	}
	return rows
}

// heirs says, for the id that every node would give a contact, whose the node
// is now.
func (c *component) heirs() map[schema.ID]schema.ID {
	heirs := make(map[schema.ID]schema.ID)
	for _, i := range c.resolution.Identities {
		if len(i.Contacts) > 0 {
			heirs[schema.ContactID(c.workspace, i.Node)] = i.Contacts[len(i.Contacts)-1]
		}
	}
	return heirs
}

// recredits lists them with why that may be.
func (st *stretch) recredits() map[uint32][]schema.Recredit {
	why := make(map[schema.ID]schema.Cause)
	for _, c := range st.touched() {
		cause := st.cause(c)
		for _, b := range c.stored.GetContacts() {
			why[schema.ID(b)] = graver(cause, why[schema.ID(b)])
		}
	}
	by := make(map[uint32][]schema.Recredit)
	for ws, ids := range st.contacts() {
		for _, id := range ids {
			by[ws] = append(by[ws], schema.Recredit{Contact: id, Why: why[id]})
		}
	}
	return by
}

// contacts lists, by workspace, the contacts whose conversions may be credited
// differently after this stretch: all of the components touched, former ids
// included. Becoming a contact is a conversion of its own, so every contact has
// one.
func (st *stretch) contacts() map[uint32][]schema.ID {
	by := make(map[uint32][]schema.ID)
	for _, c := range st.touched() {
		for _, b := range c.stored.GetContacts() {
			by[c.workspace] = append(by[c.workspace], schema.ID(b))
		}
	}
	for ws, ids := range by {
		slices.SortFunc(ids, schema.ID.Compare)
		by[ws] = slices.Compact(ids)
	}
	return by
}
