CREATE OR REPLACE VIEW {{.BI}}.contact_details (
    workspace UInt32 COMMENT 'the workspace that it belongs to',
    contact_id String COMMENT 'the contact''s id',
    email String COMMENT 'its canonical email, or empty',
    phone String COMMENT 'its canonical phone as E.164, or empty',
    name String COMMENT 'its name, or empty'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS (
    SELECT workspace, lower(hex(id)) AS contact_id, email, phone, name
    FROM {{.Database}}.contacts FINAL
    WHERE redirect = toFixedString('', 16) AND (email != '' OR phone != '')
)
COMMENT 'Who contacts are; only for users who were granted personal data'
