-- Who got to a step, or no further, the latest entry first.
{{template "funnel_entities.sql" .}}
SELECT {{if .Hashed}}UUIDNumToString(entity){{else}}entity{{end}} AS who, extra AS visitor, entry, best
FROM entities
WHERE length(best) {{if .Dropped}}={{else}}>={{end}} {step:UInt8}
    AND (best[1], who) < ({after_time:Int64}, {after_id:String})
{{- if .OnlyKey}}
    AND entry = {only_key:String}
{{- end}}
ORDER BY best[1] DESC, who DESC
LIMIT {limit:UInt32}
{{- template "funnel_settings.sql" .}}
