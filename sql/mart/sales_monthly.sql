/*+++
materialize = "table"
owner = "sales"
grain = ["region", "product_id", "month"]
checks = [{ range = { min = 1 }, column = "units" }, { not_null = ["revenue_eur"] }]
+++*/
-- Sales of a product in a region and month. Revenue in euros is at the month's mean rate.
WITH sold AS (
    SELECT
        region,
        currency,
        product_id,
        CAST(date_trunc('month', sold_on) AS DATE) AS month,
        sum(quantity) AS units,
        sum(CASE WHEN promoted THEN quantity ELSE 0 END) AS promoted_units,
        sum(revenue) AS revenue
    FROM core.sales
    GROUP BY region, currency, product_id, CAST(date_trunc('month', sold_on) AS DATE)
)
SELECT
    s.region,
    s.product_id,
    s.month, -- its first day
    s.units,
    s.promoted_units,
    s.revenue, -- in the region's currency
    s.currency,
    CAST(CAST(s.revenue AS DOUBLE) / r.units_per_eur AS DECIMAL(14, 2)) AS revenue_eur
FROM sold AS s
LEFT JOIN core.exchange_rates AS r ON r.month = s.month AND r.currency = s.currency
