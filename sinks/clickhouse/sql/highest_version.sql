-- The highest version that was ever written to a table, 0 when it is empty.
SELECT max(version) FROM {table:Identifier}
