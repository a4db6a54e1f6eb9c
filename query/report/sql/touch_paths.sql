-- The sequences of touches before conversions, most conversions first, with the browsers in which they were. A conversion
-- counts if a touch of its own matches the filters. The last three columns are of all sequences. Sequences that are listed
-- by their steps come first.
{{template "placed.sql" .}},
    walked AS (
        SELECT value, arrayMap(place -> {{.Key}}, places) AS steps,
            arrayMap(place -> touches_visitor[place], arrayFilter(place -> place > 0, places)) AS browsers
        FROM placed
        WHERE arrayExists(place -> ({{.Filters}}), places)
    ),
    sequences AS (
        SELECT value, browsers, {{if .Collapsed}}arrayCompact({{end}}arrayMap(step -> if(step = '', {none:String}, step), steps){{if .Collapsed}}){{end}} AS path
        FROM walked
    )
SELECT path, count() AS conversions, sum(value) AS valued, uniqExactArray(browsers) AS visitors,
    toUInt64(count() OVER ()) AS paths, toUInt64(sum(count()) OVER ()) AS total, sum(sum(value)) OVER () AS total_value
FROM sequences
GROUP BY path
ORDER BY has({listed:Array(String)}, arrayStringConcat(path, {separator:String})) DESC, conversions DESC, valued DESC, length(path), path
LIMIT {limit:UInt32}
