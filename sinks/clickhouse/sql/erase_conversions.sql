-- Deletes conversions: all that was known by a version of some, and of those of contacts that are gone; and what was known
-- below it of those that were credited anew under it, where it tells of the browsers: in a touch, or in the sums of a journey
-- so long that not all of its touches were kept.
DELETE FROM conversions
WHERE workspace = {workspace:UInt32} AND (
    version <= {version:UInt64} AND (has({gone:Array(String)}, lower(hex(contact))) OR has({facts:Array(String)}, lower(hex(id))))
    OR version < {version:UInt64} AND (has({browsers:Array(String)}, own_visitor) OR hasAny(touches_visitor, {browsers:Array(String)})
        OR has({credited:Array(String)}, lower(hex(contact))) AND sessions_before > length(touches_at)))
