-- +goose Up
ALTER TABLE claims ADD COLUMN IF NOT EXISTS bond UInt8 COMMENT '0: seen together; 1: an Admin says that they are two people; 2: an Admin lets claims decide again';

-- +goose Down
ALTER TABLE claims DROP COLUMN IF EXISTS bond;
