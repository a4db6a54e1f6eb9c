-- Takes what was deleted off the disk, in one mutation of a table.
ALTER TABLE {table:Identifier} APPLY DELETED MASK
