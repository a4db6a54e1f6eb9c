package stitch

import (
	"context"

	"sourceloop/pipeline/state"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// Lookup answers questions about the identity map without owning it.
type Lookup struct{ State *state.Store }

// HaveConversions gives those of a workspace's visitors whose part of the
// identity graph has a contact: becoming one is a conversion. While the identity
// map is lost it gives all: any of them may have, and a question too many
// changes nothing, while one too few would leave a conversion as it is.
func (l Lookup) HaveConversions(ctx context.Context, workspace uint32, visitors []string) ([]string, error) {
	keys := make([]string, len(visitors))
	for i, v := range visitors {
		keys[i] = place{workspace, schema.NewNode(schema.NodeVisitor, v)}.key("n")
	}
	partition := stream.Partition(schema.LeadKey(workspace), schema.LeadsPartitions)
	values, warm, err := l.State.GetWarm(ctx, tag(partition), keys)
	if err != nil {
		return nil, err
	}
	if !warm {
		return visitors, nil
	}
	var have []string
	for i, v := range values {
		if len(v) > 0 && v[0] == '1' {
			have = append(have, visitors[i])
		}
	}
	return have, nil
}
