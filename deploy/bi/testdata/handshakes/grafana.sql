-- What Grafana's ClickHouse data source asks. From its sources, version 4.20.0 (commit 1d04063a31fb): pkg/plugin/driver.go (the
-- check of a connection) and src/data/CHDatasource.ts (databases, tables, columns and functions in the editor). It sets
-- max_execution_time on every question. A line of dashes parts the questions; {db} and {table} are filled in.
-- max_execution_time: 60
SELECT version()
----
SELECT 1
----
SHOW DATABASES
----
SHOW TABLES FROM "{db}"
----
SHOW TABLES
----
DESC TABLE "{db}"."{table}"
----
SELECT name, is_aggregate, case_insensitive, alias_to, origin, description, syntax, arguments, returned_value, examples, categories FROM system.functions LIMIT 10000
----
SELECT name, type, table FROM system.columns
----
SELECT name, type, table FROM system.columns WHERE database = '{db}' AND table = '{table}'
----
SELECT name, type, table FROM system.columns WHERE database IN ('{db}')
