/*+++
materialize = "table"
owner = "risk"
grain = ["year"]
+++*/
-- How many symbols joined and left the list in each year, and how many entries were reworded. A renamed symbol counts as one that left
-- and one that joined. The first list's members count as joined.
WITH version AS (
    SELECT
        _valid_from AS began_at,
        _valid_to AS ended_at,
        lag(_valid_to) OVER (PARTITION BY symbol ORDER BY _valid_from, _valid_to NULLS LAST) AS previous_ended_at,
        lead(_valid_from) OVER (PARTITION BY symbol ORDER BY _valid_from, _valid_to NULLS LAST) AS next_began_at
    FROM market.constituents
),
event AS (
    SELECT
        CAST(date_part('year', began_at) AS BIGINT) AS year,
        CASE WHEN previous_ended_at = began_at THEN 0 ELSE 1 END AS joined,
        0 AS departed,
        CASE WHEN previous_ended_at = began_at THEN 1 ELSE 0 END AS reworded
    FROM version
    UNION ALL
    SELECT
        CAST(date_part('year', ended_at) AS BIGINT) AS year,
        0 AS joined,
        CASE WHEN next_began_at = ended_at THEN 0 ELSE 1 END AS departed,
        0 AS reworded
    FROM version
    WHERE ended_at IS NOT NULL
)
SELECT
    year,
    sum(joined) AS joined, -- symbols
    sum(departed) AS departed, -- symbols
    sum(reworded) AS reworded -- entries with another name, sector or detail than before
FROM event
GROUP BY year
