package upkeep

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// forgetEvery is how often old deliveries are looked for.
const forgetEvery = 24 * time.Hour

// forget lets go of what providers delivered, as it came, after thirty days.
//
// Kafka keeps topics for fourteen days, and the embedded one lets go of what was
// processed, but never of a partition's last record, since an empty partition
// starts again at offset 0. So once a day something that says nothing is put
// behind the last webhook and the last dead letter.
func (k *Keeper) forget(ctx context.Context) error {
	mine, err := k.config.Store.TakeChore(ctx, "forget deliveries", forgetEvery)
	if err != nil || !mine {
		return err
	}
	if err = k.config.Store.ForgetDeliveries(ctx); err != nil {
		return err
	}
	var keys, values [][]byte
	for p := range int32(schema.WebhooksPartitions) {
		keys, values = append(keys, stream.KeyOf(p, schema.WebhooksPartitions)), append(values, []byte{})
	}
	if err = k.config.Log.Append(ctx, schema.TopicWebhooks, keys, values); err != nil {
		return err
	}
	// A mark of a letter that there never was.
	id := schema.Derive("nothing")
	mark, err := proto.Marshal(&schema.DeadRecord{Id: id[:], Reason: schema.DeadReplayed, At: int64(schema.MillisOf(k.config.Now()))})
	if err != nil {
		return fmt.Errorf("cannot encode a mark: %w", err)
	}
	return k.config.Log.Append(ctx, schema.TopicDead, [][]byte{stream.KeyOf(0, schema.DeadPartitions)}, [][]byte{mark})
}
