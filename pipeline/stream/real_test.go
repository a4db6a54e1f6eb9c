package stream_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sourceloop/deploy/servers/serverstest"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// each runs a test on an empty embedded Kafka and on an empty Apache Kafka.
func each(t *testing.T, test func(t *testing.T, addrs []string)) {
	t.Run("embedded", func(t *testing.T) { test(t, broker(t)) })
	t.Run("Apache Kafka", func(t *testing.T) {
		addrs := []string{serverstest.Kafka(t).Addr}
		empty(t, addrs)
		test(t, addrs)
	})
}

// empty deletes the topics and groups that another test has left.
func empty(t *testing.T, addrs []string) {
	t.Helper()
	admin := adminOf(t, addrs)
	topics, err := admin.ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	deleted, err := admin.DeleteTopics(t.Context(), topics.Names()...)
	if err := errors.Join(err, deleted.Error()); err != nil {
		t.Fatal(err)
	}
	groups, err := admin.ListGroups(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	gone, err := admin.DeleteGroups(t.Context(), groups.Groups()...)
	if err := errors.Join(err, gone.Error()); err != nil {
		t.Fatal(err)
	}
}

func adminOf(t *testing.T, addrs []string) *kadm.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(addrs...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return kadm.NewClient(client)
}

// TestAMemberThatWasPutOutCannotConfirm: the broker refuses the commit of a
// member that it no longer believes in, so that one never owns a partition; as a
// new member it does.
func TestAMemberThatWasPutOutCannotConfirm(t *testing.T) {
	each(t, func(t *testing.T, addrs []string) {
		l := openLog(t, addrs)
		var mu sync.Mutex
		var answers []error
		putOut := sync.OnceFunc(func() { putOutAll(t, addrs, "test") })
		start(t, l.NewGroup(stream.GroupConfig{
			Name: "test", Topic: schema.TopicLeads, Stage: "test",
			New: func(ctx context.Context, a stream.Assignment) (stream.Worker, error) {
				idle := &scripted{process: func(context.Context, []*stream.Record) error { return nil }}
				if a.Partition != onePartition() {
					return idle, nil
				}
				putOut()
				// Not the lane's own context: it ends when the member notices.
				_, err := a.Confirm(context.WithoutCancel(ctx))
				mu.Lock()
				defer mu.Unlock()
				if answers = append(answers, err); err != nil {
					return nil, err
				}
				return idle, nil
			},
		}))
		until(t, "the member to own its partition again", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(answers) > 1 && answers[len(answers)-1] == nil
		})
		if first := answers[0]; !errors.Is(first, kerr.UnknownMemberID) && !errors.Is(first, kerr.IllegalGeneration) {
			t.Errorf("got %v, want the first commit to be refused", first)
		}
	})
}

// putOutAll makes the broker forget the members of a group, as it does with one
// that was silent for too long.
func putOutAll(t *testing.T, addrs []string, group string) {
	client, err := kgo.NewClient(kgo.SeedBrokers(addrs...))
	if err != nil {
		t.Error(err)
		return
	}
	defer client.Close()
	groups, err := kadm.NewClient(client).DescribeGroups(t.Context(), group)
	if err != nil {
		t.Error(err)
		return
	}
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Group = group
	for _, m := range groups[group].Members {
		member := kmsg.NewLeaveGroupRequestMember()
		member.MemberID = m.MemberID
		leave.Members = append(leave.Members, member)
	}
	left, err := leave.RequestWith(t.Context(), client)
	if err != nil || len(left.Members) != 1 || left.Members[0].ErrorCode != 0 {
		t.Errorf("put out %+v, %v", left, err)
	}
}
