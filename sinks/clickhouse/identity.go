package clickhouse

import (
	"bytes"
	"cmp"

	"github.com/ClickHouse/ch-go/proto"

	"sourceloop/schema"
)

// claimBlock fills the columns of the table claims.
type claimBlock struct {
	prepared
	sorted ordered[schema.ClaimRow]

	workspace      proto.ColUInt32
	id             proto.ColFixedStr16
	version        proto.ColUInt64
	nodes          *proto.ColArr[string]
	verified       proto.ColBool
	at, received   *proto.ColDateTime64Raw
	evidence, name proto.ColStr
	method         *proto.ColLowCardinality[string]
	bond           proto.ColUInt8
}

func newClaimBlock() *claimBlock {
	b := &claimBlock{nodes: new(proto.ColStr).Array(), at: millisColumn(), received: millisColumn(), method: lowCardinality()}
	b.prepared = prepare("claims", proto.Input{
		{Name: "workspace", Data: &b.workspace}, {Name: "id", Data: &b.id}, {Name: "version", Data: &b.version},
		{Name: "nodes", Data: b.nodes}, {Name: "verified", Data: &b.verified}, {Name: "at", Data: b.at},
		{Name: "evidence", Data: &b.evidence}, {Name: "method", Data: b.method}, {Name: "name", Data: &b.name},
		{Name: "received", Data: b.received}, {Name: "bond", Data: &b.bond},
	})
	return b
}

func (b *claimBlock) fill(batches []*Batch) {
	b.input.Reset()
	for _, batch := range batches {
		b.sorted.add(batch.Claims)
	}
	b.sorted.drain(func(x, y *schema.ClaimRow) int {
		return cmp.Or(cmp.Compare(x.Workspace, y.Workspace), bytes.Compare(x.Id, y.Id))
	}, b.append)
}

func (b *claimBlock) append(c *schema.ClaimRow) {
	b.workspace.Append(c.Workspace)
	b.id.Append(fixed(c.Id))
	b.version.Append(c.Version)
	b.nodes.Append(c.Nodes)
	b.verified.Append(c.Verified)
	b.at.Append(proto.DateTime64(c.At))
	b.evidence.Append(c.Evidence)
	b.method.Append(c.Method)
	b.name.Append(c.Name)
	b.received.Append(proto.DateTime64(c.Received))
	b.bond.Append(uint8(c.Bond))
}

// identityBlock fills the columns of the table identities.
type identityBlock struct {
	prepared
	sorted ordered[schema.IdentityRow]

	workspace proto.ColUInt32
	node      proto.ColStr
	version   proto.ColUInt64
	deleted   proto.ColUInt8
	since     *proto.ColArr[proto.DateTime64]
	contacts  *proto.ColArr[[16]byte]
}

func newIdentityBlock() *identityBlock {
	b := &identityBlock{since: arrayOf[proto.DateTime64](millisColumn()), contacts: new(proto.ColFixedStr16).Array()}
	b.prepared = prepare("identities", proto.Input{
		{Name: "workspace", Data: &b.workspace}, {Name: "node", Data: &b.node}, {Name: "version", Data: &b.version},
		{Name: "is_deleted", Data: &b.deleted}, {Name: "since", Data: b.since}, {Name: "contacts", Data: b.contacts},
	})
	return b
}

func (b *identityBlock) fill(batches []*Batch) {
	b.input.Reset()
	for _, batch := range batches {
		b.sorted.add(batch.Identities)
	}
	b.sorted.drain(func(x, y *schema.IdentityRow) int {
		return cmp.Or(cmp.Compare(x.Workspace, y.Workspace), cmp.Compare(x.Node, y.Node))
	}, b.append)
}

func (b *identityBlock) append(row *schema.IdentityRow) {
	b.workspace.Append(row.Workspace)
	b.node.Append(string(row.Node))
	b.version.Append(row.Version)
	b.deleted.Append(flag(row.Deleted))
	for _, since := range row.Since {
		b.since.Data.Append(millis(since))
	}
	for _, contact := range row.Contacts {
		b.contacts.Data.Append(contact)
	}
	endRow(b.since)
	endRow(b.contacts)
}

// contactBlock fills the columns of the table contacts.
type contactBlock struct {
	prepared
	sorted ordered[schema.ContactRow]

	workspace             proto.ColUInt32
	id, redirect          proto.ColFixedStr16
	version               proto.ColUInt64
	deleted               proto.ColUInt8
	email, phone, name    proto.ColStr
	emails, phones, nodes *proto.ColArr[string]
	created               *proto.ColDateTime64Raw
	node, method, text    *proto.ColArr[string]
	verified              *proto.ColArr[bool]
	at                    *proto.ColArr[proto.DateTime64]
}

func newContactBlock() *contactBlock {
	b := &contactBlock{
		emails: new(proto.ColStr).Array(), phones: new(proto.ColStr).Array(), nodes: new(proto.ColStr).Array(),
		created: millisColumn(), node: new(proto.ColStr).Array(), method: lowCardinality().Array(),
		text: new(proto.ColStr).Array(), verified: new(proto.ColBool).Array(),
		at: arrayOf[proto.DateTime64](millisColumn()),
	}
	b.prepared = prepare("contacts", proto.Input{
		{Name: "workspace", Data: &b.workspace}, {Name: "id", Data: &b.id}, {Name: "version", Data: &b.version},
		{Name: "is_deleted", Data: &b.deleted}, {Name: "redirect", Data: &b.redirect}, {Name: "email", Data: &b.email},
		{Name: "phone", Data: &b.phone}, {Name: "name", Data: &b.name}, {Name: "emails", Data: b.emails},
		{Name: "phones", Data: b.phones}, {Name: "nodes", Data: b.nodes}, {Name: "created_at", Data: b.created},
		{Name: "evidence_node", Data: b.node}, {Name: "evidence_method", Data: b.method},
		{Name: "evidence_text", Data: b.text}, {Name: "evidence_verified", Data: b.verified},
		{Name: "evidence_at", Data: b.at},
	})
	return b
}

func (b *contactBlock) fill(batches []*Batch) {
	b.input.Reset()
	for _, batch := range batches {
		b.sorted.add(batch.Contacts)
	}
	b.sorted.drain(func(x, y *schema.ContactRow) int {
		return cmp.Or(cmp.Compare(x.Workspace, y.Workspace), x.ID.Compare(y.ID))
	}, b.append)
}

func (b *contactBlock) append(row *schema.ContactRow) {
	b.workspace.Append(row.Workspace)
	b.id.Append(row.ID)
	b.version.Append(row.Version)
	b.deleted.Append(flag(row.Deleted))
	b.redirect.Append(row.Redirect)
	b.email.Append(row.Email)
	b.phone.Append(row.Phone)
	b.name.Append(row.Name)
	b.emails.Append(row.Emails)
	b.phones.Append(row.Phones)
	for _, node := range row.Nodes {
		b.nodes.Data.Append(string(node))
	}
	endRow(b.nodes)
	b.created.Append(millis(row.CreatedAt))
	for i := range row.Evidence {
		e := &row.Evidence[i]
		b.node.Data.Append(string(e.Node))
		b.method.Data.Append(e.Method)
		b.text.Data.Append(e.Evidence)
		b.verified.Data.Append(e.Verified)
		b.at.Data.Append(millis(e.At))
	}
	endRow(b.node)
	endRow(b.method)
	endRow(b.text)
	endRow(b.verified)
	endRow(b.at)
}
