package schema

import (
	"strconv"
	"time"
)

// Kept is how long topics keep records, no longer since all of them hold
// personal data. Dead letters can be replayed for as long. The embedded Kafka
// lets go earlier of what was processed.
const Kept = 14 * 24 * time.Hour

// The topics. Their partition counts hold for ever: a visitor's and a
// workspace's owner is found by the hash of the key.
const (
	TopicHits     = "hits"     // HitRecord, keyed by HitKey
	TopicWebhooks = "webhooks" // WebhookRecord, keyed by provider and app
	TopicLeads    = "leads"    // LeadRecord, keyed by LeadKey
	TopicCredited = "credited" // CreditedRecord, keyed by LeadKey
	TopicDead     = "dead"     // DeadRecord, keyed by topic

	HitsPartitions     = 64
	WebhooksPartitions = 16
	LeadsPartitions    = 16
	CreditedPartitions = 16
	DeadPartitions     = 1
)

// HitKey keeps a visitor's hits in one partition, in the order of arrival.
func HitKey(workspace uint32, visitor string) []byte {
	return append(append(strconv.AppendUint(nil, uint64(workspace), 10), '/'), visitor...)
}

// LeadKey keeps a workspace's leads in one partition, since claims of any two
// may have to be joined.
func LeadKey(workspace uint32) []byte { return strconv.AppendUint(nil, uint64(workspace), 10) }

// WebhookKey keeps one provider workspace's deliveries in order.
func WebhookKey(provider, app string) []byte { return []byte(provider + "/" + app) }

// Version orders rows of one key: the owner's epoch (unix seconds at the
// latest assignment, fits 32 bits until 2106) above a counter. Kafka offsets
// are never used, since they can start again.
func Version(epoch uint32, counter uint32) uint64 { return uint64(epoch)<<32 | uint64(counter) }
