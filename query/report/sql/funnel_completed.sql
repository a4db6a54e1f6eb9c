-- By which conversions a funnel was completed: of everybody who did all of its steps the one that did the credited step. In order
-- that is the one at the time of this step; in any order, the last of its name at one of the times at which a step was done. Of
-- several at one time it is the first by id.
{{template "funnel_entities.sql" .}}
SELECT id
FROM (
    SELECT entity, arrayJoin({{if .AnyOrder}}best{{else}}[best[{credited:UInt8}]]{{end}}) AS done
    FROM entities
    WHERE length(best) = {steps:UInt8}
) AS walked
INNER JOIN (
    SELECT {{.ConversionEntity}} AS owner, toUnixTimestamp64Milli(at) AS happened, id
    FROM (
        {{template "funnel_conversions.sql" .}}
    )
    WHERE NOT deleted AND name = {conversion:String} AND ({{.ConversionCounts}})
) AS converted ON converted.owner = walked.entity AND converted.happened = walked.done
ORDER BY happened DESC, id
LIMIT 1 BY entity
{{- template "funnel_settings.sql" .}}
