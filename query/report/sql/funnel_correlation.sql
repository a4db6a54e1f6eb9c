-- Of those who entered: how many with each feature went all the way, and how many did not. Features are what they did after
-- they entered and before they were through, or until the window ended, unless it is a step; and with what they entered. The
-- row without a kind counts everybody.
{{template "funnel_entities.sql" .}}
SELECT kind, name, countIf(won) AS with_won, countIf(NOT won) AS with_lost
FROM (
    SELECT
        length(best) = {steps:UInt8} AS won, best[1] AS since, if(won, best[{steps:UInt8}], since + window_ms + 1) AS until,
        arrayDistinct(arrayMap(e -> e.6, arrayFilter(e -> e.1 > since AND e.1 < until AND e.3 = 0, seen))) AS did,
        arrayJoin(arrayConcat(
            [('', '')],
            arrayMap(label -> (substring(label, 1, 1), substring(label, 2)), did),
            arrayZip({dimensions:Array(String)}, arrayResize(JSONExtract(entry, 'Array(String)'), length({dimensions:Array(String)}), ''))
        )) AS feature, feature.1 AS kind, feature.2 AS name
    FROM entities
)
GROUP BY kind, name
HAVING with_won + with_lost >= {at_least:UInt32} OR kind = ''
ORDER BY kind = '' DESC, with_won + with_lost DESC, kind, name
LIMIT {limit:UInt32}
{{- template "funnel_settings.sql" .}}
