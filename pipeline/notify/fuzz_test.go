package notify_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"sourceloop/control"
	"sourceloop/pipeline/notify"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// nobody has receivers and knows no leads.
type nobody struct{ asked int }

func (n *nobody) Leads(_ context.Context, _ uint32, ids []schema.ID) ([]notify.Lead, error) {
	n.asked += len(ids)
	return nil, nil
}

func (*nobody) Listening(context.Context, uint32) (bool, error) { return true, nil }

func (*nobody) PlanDeliveries(context.Context, uint32, []control.LeadSeen, time.Duration) error {
	return nil
}

// FuzzProcess holds that no record makes the partition stick: it is worked on or
// set aside.
func FuzzProcess(f *testing.F) {
	value, err := proto.Marshal(&schema.CreditedRecord{Workspace: 7, At: 1, Contacts: [][]byte{make([]byte, 16), {1, 2}, nil}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(value)
	f.Add([]byte{})
	f.Add([]byte{0x1a, 0xff})
	f.Fuzz(func(t *testing.T, value []byte) {
		dead, leads := &letters{}, &nobody{}
		s := &notify.Stager{Leads: leads, Plans: leads, Dead: dead, Now: time.Now}
		if err := s.Process(t.Context(), []*stream.Record{{Topic: schema.TopicCredited, Value: value}}); err != nil {
			t.Fatal(err)
		}
		if leads.asked > 0 && len(dead.all) > 0 {
			t.Error("a record was worked on and set aside")
		}
	})
}
