/*+++
materialize = "table"
owner = "finance"
grain = ["target_id"]
+++*/
-- Every target against what was reached. Nothing is reached yet of a quarter that lies ahead.
WITH revenue AS (
    SELECT region, CAST(date_trunc('quarter', month) AS DATE) AS quarter_start, CAST(sum(revenue_eur) AS DECIMAL(18, 2)) AS reached
    FROM mart.sales_monthly
    GROUP BY region, CAST(date_trunc('quarter', month) AS DATE)
),
reached AS (
    SELECT 'revenue' AS metric, region, quarter_start, reached FROM revenue
    UNION ALL
    SELECT 'revenue' AS metric, NULL AS region, quarter_start, CAST(sum(reached) AS DECIMAL(18, 2)) AS reached
    FROM revenue
    GROUP BY quarter_start
    UNION ALL
    SELECT 'new_customers' AS metric, NULL AS region, quarter_start, CAST(sum(new_customers) AS DECIMAL(18, 2)) AS reached
    FROM mart.customer_acquisition
    GROUP BY quarter_start
)
SELECT
    t.target_id,
    t.starts_on,
    t.metric,
    t.region, -- null for the whole company
    t.owner_id,
    t.value,
    t.unit,
    r.reached, -- null where the quarter lies ahead
    round(CAST(r.reached AS DOUBLE) / CAST(t.value AS DOUBLE), 4) AS attainment -- 1 is the target
FROM core.targets AS t
LEFT JOIN reached AS r
    ON r.metric = t.metric AND r.quarter_start = t.starts_on AND coalesce(r.region, '') = coalesce(t.region, '')
