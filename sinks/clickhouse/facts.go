package clickhouse

import (
	"bytes"
	"cmp"

	"github.com/ClickHouse/ch-go/proto"

	"sourceloop/schema"
)

// factBlock fills the columns of the table conversion_facts.
type factBlock struct {
	prepared
	sorted ordered[schema.FactRow]

	workspace                       proto.ColUInt32
	id                              proto.ColFixedStr16
	version                         proto.ColUInt64
	name, provider, currency, state *proto.ColLowCardinality[string]
	external, node, visitor, url    proto.ColStr
	page, message                   proto.ColStr
	at, updated, received           *proto.ColDateTime64Raw
	visitorSince                    *proto.ColDateTime64Raw
	value                           proto.ColFloat64
	deleted                         proto.ColBool
}

func newFactBlock() *factBlock {
	b := &factBlock{
		name: lowCardinality(), provider: lowCardinality(), currency: lowCardinality(), state: lowCardinality(),
		at: millisColumn(), updated: millisColumn(), visitorSince: millisColumn(), received: millisColumn(),
	}
	b.prepared = prepare("conversion_facts", proto.Input{
		{Name: "workspace", Data: &b.workspace}, {Name: "id", Data: &b.id}, {Name: "version", Data: &b.version},
		{Name: "name", Data: b.name}, {Name: "provider", Data: b.provider}, {Name: "external_id", Data: &b.external},
		{Name: "node", Data: &b.node}, {Name: "visitor", Data: &b.visitor}, {Name: "at", Data: b.at},
		{Name: "value", Data: &b.value}, {Name: "currency", Data: b.currency}, {Name: "url", Data: &b.url},
		{Name: "page", Data: &b.page}, {Name: "message", Data: &b.message}, {Name: "state", Data: b.state},
		{Name: "deleted", Data: &b.deleted}, {Name: "updated", Data: b.updated}, {Name: "visitor_since", Data: b.visitorSince},
		{Name: "received", Data: b.received},
	})
	return b
}

func (b *factBlock) fill(batches []*Batch) {
	b.input.Reset()
	for _, batch := range batches {
		b.sorted.add(batch.Facts)
	}
	b.sorted.drain(func(x, y *schema.FactRow) int {
		return cmp.Or(cmp.Compare(x.Workspace, y.Workspace), bytes.Compare(x.Id, y.Id))
	}, b.append)
}

func (b *factBlock) append(f *schema.FactRow) {
	b.workspace.Append(f.Workspace)
	b.id.Append(fixed(f.Id))
	b.version.Append(f.Version)
	b.name.Append(f.Name)
	b.provider.Append(f.Provider)
	b.external.Append(f.ExternalId)
	b.node.Append(f.Node)
	b.visitor.Append(f.Visitor)
	b.at.Append(proto.DateTime64(f.At))
	b.value.Append(f.Value)
	b.currency.Append(f.Currency)
	b.url.Append(f.Url)
	b.page.Append(f.Page)
	b.message.Append(f.Message)
	b.state.Append(f.State)
	b.deleted.Append(f.Deleted)
	b.updated.Append(proto.DateTime64(f.Updated))
	b.visitorSince.Append(proto.DateTime64(f.VisitorSince))
	b.received.Append(proto.DateTime64(f.Received))
}

// deadBlock fills the columns of the table dead_letters.
type deadBlock struct {
	prepared

	id                   proto.ColFixedStr16
	at                   *proto.ColDateTime64Raw
	topic, stage, reason *proto.ColLowCardinality[string]
	partition            proto.ColInt32
	offset               proto.ColInt64
	key, value, detail   proto.ColStr
}

func newDeadBlock() *deadBlock {
	b := &deadBlock{at: millisColumn(), topic: lowCardinality(), stage: lowCardinality(), reason: lowCardinality()}
	b.prepared = prepare("dead_letters", proto.Input{
		{Name: "id", Data: &b.id}, {Name: "at", Data: b.at}, {Name: "topic", Data: b.topic},
		{Name: "topic_partition", Data: &b.partition}, {Name: "topic_offset", Data: &b.offset},
		{Name: "key", Data: &b.key}, {Name: "value", Data: &b.value}, {Name: "stage", Data: b.stage},
		{Name: "reason", Data: b.reason}, {Name: "detail", Data: &b.detail},
	})
	return b
}

func (b *deadBlock) fill(batches []*Batch) {
	b.input.Reset()
	for _, batch := range batches {
		for _, d := range batch.Dead {
			b.id.Append(fixed(d.Id))
			b.at.Append(proto.DateTime64(d.At))
			b.topic.Append(d.Topic)
			b.partition.Append(d.Partition)
			b.offset.Append(d.Offset)
			b.key.AppendBytes(d.Key)
			b.value.AppendBytes(d.Value)
			b.stage.Append(d.Stage)
			b.reason.Append(d.Reason)
			b.detail.Append(d.Detail)
		}
	}
}
