-- Who entered a funnel, and how far they got. Events are brought together per entity.
--
-- In order. Events are folded from the last back to the first. The fold's state holds, for every step, the earliest times at which
-- this and the further steps can be reached by whoever reached the step before and looks on from here. An event of step k in
-- front of it makes a longer chain. Without exclusions the nearest event is never worse than a later one; with them it may be
-- stopped where a later one is not, and the earlier time of each step counts. What lies beyond the window is cut off.
--
-- In any order. From every event that is some step's, walks go on over the events behind it; the state holds the sets of steps
-- that can be done so far, one event for one step, and when so many were first done. Without exclusions the largest sets do: a
-- smaller one never gets further.
--
-- Of an entity's entries in one bucket the one that gets furthest counts, the earliest of equals.
{{template "funnel_events.sql" .}},
    walks AS (
        SELECT
            entity,
{{- if .Stream}}
            groupArray(event) AS stream,
            arrayFilter(e -> e.3 != 0 OR e.4 != 0, stream) AS walked,
{{- else}}
            groupArray(event) AS walked,
{{- end}}
{{- if .AnyOrder}}
            arraySort(walked) AS forwards,
            arrayMap(e -> (e.1, e.3, e.4), forwards) AS bare,
            arrayFilter(w -> notEmpty(w.2), arrayMap((e, i) -> (
                    toInt64(0),
                    if(e.3 != 0 AND e.1 >= {begin:Int64} AND e.1 < {end:Int64},
                        arrayFold(
                            (state, x) -> (
                                arrayDistinct(arrayFlatten(arrayMap(done -> arrayMap(step -> bitOr(done, step), bitmaskToArray(bitAnd(x.2, bitNot(done)))), state.2))) AS grown,
{{- if .Exclusions}}
                                arrayDistinct(arrayConcat(arrayFilter(done -> NOT bitTest(x.3, bitCount(done) - 1), state.2), grown)),
{{- else}}
                                if(empty(grown), state.2, grown),
{{- end}}
                                if(arrayMax(arrayPushFront(arrayMap(done -> bitCount(done), grown), 0)) > length(state.3), arrayPushBack(state.3, x.1), state.3)
                            ),
                            arrayFilter(x -> x.1 <= e.1 + window_ms, arraySlice(bare, i + 1)),
                            (CAST([], 'Array(UInt16)'), bitmaskToArray(e.3), [e.1])
                        ).3,
                        CAST([], 'Array(Int64)')) AS times,
                    e.5, e.6),
                forwards, arrayEnumerate(forwards))) AS entries,
            arrayMap(b -> arrayFilter(w -> w.1 = b, entries), arrayDistinct(entries.1)) AS buckets,
            arrayMap(of -> arrayFirst(w -> length(w.2) = arrayMax(o -> length(o.2), of), of), buckets) AS best_entries
{{- else}}
            arrayReverseSort(walked) AS backwards,
            arrayFold(
                (state, e) -> (
                    arrayMap((step, own, next) -> if(bitTest(e.3, step - 1),
{{- if .Exclusions}}
                            if(step > 1 AND bitTest(e.4, greatest(step, 2) - 2), arrayPushFront(next, e.1),
                                arrayMap((a, b) -> least(a, b),
                                    arrayResize(arrayPushFront(next, e.1), greatest(length(next) + 1, length(own)), {never:Int64}),
                                    arrayResize(own, greatest(length(next) + 1, length(own)), {never:Int64}))),
                            if(step > 1 AND bitTest(e.4, greatest(step, 2) - 2), [] :: Array(Int64), own)),
{{- else}}
                            arrayPushFront(next, e.1), own),
{{- end}}
                        arrayEnumerate(state.1), state.1, arrayPushBack(arrayPopFront(state.1), [] :: Array(Int64))),
                    if(bitTest(e.3, 0) AND e.1 >= {begin:Int64} AND e.1 < {end:Int64},
                        if(notEmpty(state.2) AND state.2[1].1 = toInt64(0),
                            if(length(arrayFilter(t -> t <= e.1 + window_ms, arrayPushFront(state.1[2], e.1)) AS chain) >= length(state.2[1].2),
                                arrayPushFront(arrayPopFront(state.2), (toInt64(0), chain, e.5, e.6)), state.2),
                            arrayPushFront(state.2, (toInt64(0), arrayFilter(t -> t <= e.1 + window_ms, arrayPushFront(state.1[2], e.1)), e.5, e.6))),
                        state.2)
                ),
                backwards,
                (arrayWithConstant({steps:UInt8}, [] :: Array(Int64)), CAST([], 'Array(Tuple(Int64, Array(Int64), String, String))'))
            ).2 AS best_entries
{{- end}}
        FROM events
        GROUP BY entity
        HAVING notEmpty(best_entries)
    ),
    entities AS (
        SELECT
            entity, arrayJoin(best_entries) AS walk, walk.1 AS bucket, walk.2 AS best, walk.3 AS entry, walk.4 AS extra
{{- if .Stream}},
            arrayFilter(e -> e.6 != '', arraySort(stream)) AS seen
{{- end}}
        FROM walks
    )
