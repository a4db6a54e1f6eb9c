-- Distinct browsers are counted by a hash, as uniqExact counts texts anyway (it keeps SipHash-128 of each): the hash is made once,
-- when a row is written, and the ids are not read. It looks random, so that compressing it is in vain.
-- +goose Up
ALTER TABLE sessions ADD COLUMN IF NOT EXISTS visitor_key UInt128 MATERIALIZED reinterpretAsUInt128(sipHash128(visitor)) COMMENT 'hash of visitor, to count distinct ones by' CODEC(NONE);
ALTER TABLE sessions MATERIALIZE COLUMN visitor_key;

-- +goose Down
ALTER TABLE sessions DROP COLUMN IF EXISTS visitor_key;
