package upkeep

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"sourceloop/control"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

func hitPart(partition int32) string { return fmt.Sprintf("hits %d", partition) }

func leadPart(workspace uint32) string { return fmt.Sprintf("leads %d", workspace) }

// hitParts are the partitions with something to do.
func (k *Keeper) hitParts(ctx context.Context, task *control.Task) ([]string, error) {
	partitions, err := k.config.Steps.Partitions(ctx, task.Workspace, task.Body.Late, schema.HitsPartitions)
	parts := make([]string, len(partitions))
	for i, p := range partitions {
		parts[i] = hitPart(p)
	}
	return parts, err
}

// orderHits asks the owner of a partition of hits to begin its chain.
func (k *Keeper) orderHits(ctx context.Context, task *control.Task, part string) error {
	var partition int32
	if _, err := fmt.Sscanf(part, "hits %d", &partition); err != nil {
		return fmt.Errorf("cannot read the partition of %q: %w", part, err)
	}
	value, err := proto.Marshal(&schema.HitRecord{Body: &schema.HitRecord_Rebuild{Rebuild: &schema.Rebuild{
		Task: task.Run[:], Part: part, Workspace: task.Workspace, Late: task.Body.Late,
		From: int64(task.Body.From), To: int64(task.Body.To),
	}}})
	if err != nil {
		return fmt.Errorf("cannot encode an order: %w", err)
	}
	return k.config.Log.Append(ctx, schema.TopicHits, [][]byte{stream.KeyOf(partition, schema.HitsPartitions)}, [][]byte{value})
}

// workspaces are those that a task is about.
func (k *Keeper) workspaces(task *control.Task) []uint32 {
	if task.Workspace != 0 {
		return []uint32{task.Workspace}
	}
	var all []uint32
	for _, w := range k.config.Workspaces.Workspaces() {
		all = append(all, w.ID)
	}
	slices.Sort(all)
	return all
}

func (k *Keeper) leadParts(_ context.Context, task *control.Task) ([]string, error) {
	var parts []string
	for _, w := range k.workspaces(task) {
		parts = append(parts, leadPart(w))
	}
	return parts, nil
}

// orderLeads asks for the credits of a workspace.
func (k *Keeper) orderLeads(ctx context.Context, task *control.Task, part string) error {
	var workspace uint32
	if _, err := fmt.Sscanf(part, "leads %d", &workspace); err != nil {
		return fmt.Errorf("cannot read the workspace of %q: %w", part, err)
	}
	value, err := proto.Marshal(&schema.LeadRecord{Workspace: workspace, Body: &schema.LeadRecord_Rebuild{Rebuild: &schema.Rebuild{
		Task: task.Run[:], Part: part, Workspace: workspace,
	}}})
	if err != nil {
		return fmt.Errorf("cannot encode an order: %w", err)
	}
	return k.config.Log.Append(ctx, schema.TopicLeads, [][]byte{schema.LeadKey(workspace)}, [][]byte{value})
}
