package sessionize

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"sourceloop/schema"
)

// announce produces what the stretch means for contacts: claims of identify
// hits, and visitors with conversions whose sessions changed. The hits and
// sessions are in ClickHouse by now.
func (w *Worker) announce(ctx context.Context, st *stretch) error {
	var keys, values [][]byte
	add := func(r *schema.LeadRecord) error {
		value, err := proto.Marshal(r)
		if err != nil {
			return fmt.Errorf("cannot encode a lead: %w", err)
		}
		keys, values = append(keys, schema.LeadKey(r.GetWorkspace())), append(values, value)
		return nil
	}
	changed := make(map[uint32][]string)
	for _, v := range st.visitors {
		if v.changed {
			changed[v.name.Workspace] = append(changed[v.name.Workspace], v.name.ID)
		}
		if len(v.claims) == 0 {
			continue
		}
		evidence := &schema.LeadRecord_Evidence{Evidence: &schema.Evidence{Claims: v.claims}}
		if err := add(&schema.LeadRecord{Workspace: v.name.Workspace, Received: int64(st.progress), Body: evidence}); err != nil {
			return err
		}
	}
	for workspace, visitors := range changed {
		have, err := w.deps.Conversions.HaveConversions(ctx, workspace, visitors)
		if err != nil {
			return err
		}
		if len(have) == 0 {
			continue
		}
		visitors := &schema.LeadRecord_Visitors{Visitors: &schema.VisitorsChanged{Visitors: have, Cause: string(st.why)}}
		if err := add(&schema.LeadRecord{Workspace: workspace, Received: int64(st.progress), Body: visitors}); err != nil {
			return err
		}
	}
	return w.deps.Log.Append(ctx, schema.TopicLeads, keys, values)
}
