/*+++
materialize = "table"
owner = "people"
grain = ["region", "store_id", "week"]
checks = [{ range = { min = 0 }, column = "hours" }]
+++*/
-- Hours of work that each shop's sales took in each week: half an hour for a line at the till, six minutes for a piece on the shelf, and 70 hours to be open.
SELECT
    st.region,
    s.store_id,
    CAST(date_trunc('week', s.sold_on) AS DATE) AS week, -- its Monday
    70.0 + 0.5 * CAST(count(*) AS DOUBLE) + 0.1 * CAST(sum(s.quantity) AS DOUBLE) AS hours
FROM core.sales AS s
JOIN core.stores AS st ON st.store_id = s.store_id
GROUP BY st.region, s.store_id, CAST(date_trunc('week', s.sold_on) AS DATE)
