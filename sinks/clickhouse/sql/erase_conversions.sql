-- Deletes all that was ever known of some conversions, and of those of some contacts; and what conversions were before a
-- version that had to do with some browsers.
DELETE FROM conversions
WHERE workspace = {workspace:UInt32} AND (
    has({contacts:Array(String)}, lower(hex(contact))) OR has({facts:Array(String)}, lower(hex(id)))
    OR version < {version:UInt64} AND (has({browsers:Array(String)}, own_visitor) OR hasAny(touches_visitor, {browsers:Array(String)})))
