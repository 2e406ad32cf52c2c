/*+++
materialize = "table"
owner = "finance"
grain = ["region", "category", "month"]
checks = [{ not_null = ["budget_eur", "actual_eur"] }]
+++*/
-- Budgeted against actual revenue.
WITH actual AS (
    SELECT s.region, p.category, s.month, CAST(sum(s.revenue_eur) AS DECIMAL(14, 2)) AS actual_eur
    FROM mart.sales_monthly AS s
    JOIN core.products AS p ON p.product_id = s.product_id
    GROUP BY s.region, p.category, s.month
)
SELECT
    b.region,
    b.category,
    b.month, -- its first day
    b.budget_eur,
    coalesce(a.actual_eur, 0) AS actual_eur,
    coalesce(a.actual_eur, 0) - b.budget_eur AS difference_eur
FROM core.budget AS b
LEFT JOIN actual AS a ON a.region = b.region AND a.category = b.category AND a.month = b.month
