-- The workspaces that have claims or conversions.
SELECT DISTINCT workspace FROM claims
UNION DISTINCT
SELECT DISTINCT workspace FROM conversion_facts
