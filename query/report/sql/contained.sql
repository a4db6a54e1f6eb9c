-- Which of some texts contain another one, without regard to case.
SELECT number
FROM texts
WHERE positionCaseInsensitiveUTF8(text, {wanted:String}) > 0 AND {workspace:UInt32} >= 0
