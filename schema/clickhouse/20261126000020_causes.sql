-- +goose Up
ALTER TABLE conversions ADD COLUMN IF NOT EXISTS cause LowCardinality(String) COMMENT 'why this row differs from the one before: erasure, undo, merge, conversion (it became known or changed), rule_change, late_hit' AFTER known_at;

-- +goose Down
ALTER TABLE conversions DROP COLUMN IF EXISTS cause;
