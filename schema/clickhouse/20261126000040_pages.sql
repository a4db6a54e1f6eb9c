-- What reports of pages and browsers read, as numbers, made once when a row is written. A page is its URL without query; texts that
-- repeat are numbers in a column of low cardinality, so that no report cuts or compares one. Where nothing is counted (bots) there
-- are no pages: leaving rows out of a column of arrays of texts takes longer than reading it.
--
-- Browsers are counted by 64 bits of a hash, as in journeys, instead of 128: that takes two thirds of the time.
-- +goose Up
ALTER TABLE sessions
    ADD COLUMN IF NOT EXISTS visitor_number UInt64 MATERIALIZED sipHash64(visitor) COMMENT 'hash of visitor, to count distinct ones by; the one that journeys has' CODEC(NONE),
    ADD COLUMN IF NOT EXISTS first_page LowCardinality(String) MATERIALIZED if(bot, '', cutQueryString(landing_page)) COMMENT 'the landing page without query; none of bots',
    ADD COLUMN IF NOT EXISTS last_page LowCardinality(String) MATERIALIZED if(bot, '', cutQueryString(exit_page)) COMMENT 'the exit page without query; none of bots',
    ADD COLUMN IF NOT EXISTS pages Array(LowCardinality(String)) MATERIALIZED arrayMap(url -> cutQueryString(url), arrayFilter((url, type) -> type = 'pageview' AND NOT bot, items_url, items_type)) COMMENT 'every page view''s URL without query; none of bots';
-- The column visitor_key stays for processes of the former version, which a rolling upgrade has beside those of this one. A later
-- migration may drop it.
ALTER TABLE sessions MATERIALIZE COLUMN visitor_number, MATERIALIZE COLUMN first_page, MATERIALIZE COLUMN last_page, MATERIALIZE COLUMN pages;

-- +goose Down
ALTER TABLE sessions DROP COLUMN IF EXISTS pages, DROP COLUMN IF EXISTS last_page, DROP COLUMN IF EXISTS first_page, DROP COLUMN IF EXISTS visitor_number;
