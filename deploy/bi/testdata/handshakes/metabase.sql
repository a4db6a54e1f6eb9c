-- What Metabase asks by its own statements; what its JDBC driver adds (tables and columns with remarks) the JDBC client of the
-- suite asks. From Metabase's sources: modules/drivers/clickhouse/src/metabase/driver/clickhouse.clj (commit 002ca95173f9: the
-- check of a database, its time zone) and clickhouse_version.clj (commit 02d40a0aabea). It sets session_timezone and
-- select_sequential_consistency.
-- session_timezone: Europe/Berlin
-- select_sequential_consistency: 1
SELECT 1
----
SELECT count(*) > 0 FROM system.databases WHERE name = '{db}'
----
SELECT timezone() AS tz
----
WITH s AS (SELECT version() AS ver, splitByChar('.', ver) AS verSplit) SELECT s.ver, toInt32(verSplit[1]), toInt32(verSplit[2]) FROM s
----
SELECT value='1' FROM system.settings WHERE name='cloud_mode'
----
SELECT count() = 0 FROM system.clusters WHERE is_local = 0
