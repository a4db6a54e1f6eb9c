-- +goose Up
CREATE TABLE IF NOT EXISTS claims (
    workspace UInt32,
    id FixedString(16) COMMENT 'hash of what is claimed and of its evidence',
    version UInt64 COMMENT 'epoch of the writer above its counter; the highest row stands',
    nodes Array(String) COMMENT 'kind:value, sorted; seen together',
    verified Bool COMMENT 'by a signed webhook or the provider''s record; else asserted',
    at DateTime64(3, 'UTC') COMMENT 'when they were seen together',
    evidence String COMMENT 'what it rests on: a conversation, a hit',
    method LowCardinality(String) COMMENT 'why it was believed: sourceloop_id, intercom, identify',
    name String COMMENT 'the person''s name, as the evidence has it'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace, id)
COMMENT 'The truth of identity: which nodes were seen together.';

CREATE TABLE IF NOT EXISTS identities (
    workspace UInt32,
    node String COMMENT 'kind:value; a visitor, an email, a phone, a provider''s contact, a user id',
    version UInt64 COMMENT 'epoch of the writer above its counter; the highest row stands',
    is_deleted UInt8 COMMENT '1 where the node belongs to nobody any longer',
    since Array(DateTime64(3, 'UTC')) COMMENT 'ascending; whatever lies before the first belongs to the first',
    contacts Array(FixedString(16)) COMMENT 'the contact from each of these moments on',
    INDEX contacts_index contacts TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (workspace, node)
COMMENT 'Whose each node is, and since when; a pure function of claims.';

CREATE TABLE IF NOT EXISTS contacts (
    workspace UInt32,
    id FixedString(16) COMMENT 'hash of the first node; stays when others join',
    version UInt64 COMMENT 'epoch of the writer above its counter; the highest row stands',
    is_deleted UInt8,
    redirect FixedString(16) COMMENT 'zero for a live contact; else the contact that it became part of',
    email String COMMENT 'canonical, or empty',
    phone String COMMENT 'canonical, E.164, or empty',
    name String,
    emails Array(String) COMMENT 'all it ever had, the canonical one first',
    phones Array(String),
    nodes Array(String) COMMENT 'sorted',
    created_at DateTime64(3, 'UTC') COMMENT 'first identification',
    evidence_node Array(String) COMMENT 'why each node belongs to the contact: five parallel arrays',
    evidence_method Array(LowCardinality(String)),
    evidence_text Array(String),
    evidence_verified Array(Bool),
    evidence_at Array(DateTime64(3, 'UTC'))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (workspace, id)
COMMENT 'People, one row for every id a contact ever had; a pure function of claims.';

-- +goose Down
DROP TABLE IF EXISTS contacts;
DROP TABLE IF EXISTS identities;
DROP TABLE IF EXISTS claims;
