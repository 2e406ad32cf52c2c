/*+++
owner = "people"
grain = ["region", "store_id", "week"]
+++*/
-- Hours of work that each shop expects in the coming weeks, against the contracts of those who work there: whoever is short, and who could help.
WITH contracted AS (
    SELECT store_id, count(*) AS people, 30.0 * CAST(count(*) AS DOUBLE) AS hours
    FROM core.employees
    WHERE store_id IS NOT NULL
    GROUP BY store_id
)
SELECT
    f.region,
    f.store_id,
    f.period_start AS week, -- its Monday
    c.people,
    c.hours AS contracted_hours,
    f.mean AS expected_hours,
    f.q90 AS busy_hours, -- nine weeks of ten stay below
    f.q90 - c.hours AS missing_hours, -- in a busy week; below zero where there is slack
    f.q90 > c.hours AS overcommitted
FROM mart.workload_forecast AS f
JOIN contracted AS c ON c.store_id = f.store_id
