-- What Superset asks through clickhouse-connect. From its sources, commit 842e4131e76c: driver/_backend/orchestration.py (when a
-- client is made) and cc_sqlalchemy/dialect.py, inspector.py (databases, tables, columns).
SELECT version(), timezone()
----
SELECT name, value, readonly FROM system.settings LIMIT 10000
----
SHOW DATABASES
----
EXISTS DATABASE `{db}`
----
SHOW TABLES FROM `{db}`
----
EXISTS TABLE `{db}`.`{table}`
----
DESCRIBE TABLE `{db}`.`{table}`
----
SELECT engine, engine_full, comment FROM system.tables WHERE database = '{db}' AND name = '{table}'
----
SELECT table_name, table_comment FROM information_schema.tables WHERE table_schema = '{db}'
----
SELECT column_name, data_type, column_comment FROM INFORMATION_SCHEMA.COLUMNS WHERE table_schema = '{db}'
