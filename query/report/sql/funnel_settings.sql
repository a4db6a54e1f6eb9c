{{if .AnyOrder}}
-- Each event of an entity holds those behind it: few entities at a time.
SETTINGS max_block_size = 1024
{{- end}}
