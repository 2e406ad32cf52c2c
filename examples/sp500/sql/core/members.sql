/*+++
owner = "risk"
grain = ["symbol"]
+++*/
-- Today's members, and since when their entry reads as it does.
SELECT
    symbol,
    name,
    sector,
    sub_industry,
    headquarters,
    founded,
    _valid_from AS entry_since
FROM market.constituents
WHERE _valid_to IS NULL
