/*+++
owner = "finance"
grain = ["region", "category", "month"]
+++*/
-- The controllers' wide budget, a row for each month.
SELECT
    region,
    category,
    CAST(concat(CAST(year AS VARCHAR), '-01-01') AS DATE) AS month, -- its first day
    m01 AS budget_eur
FROM finance.budget
UNION ALL
SELECT region, category, CAST(concat(CAST(year AS VARCHAR), '-02-01') AS DATE) AS month, m02 AS budget_eur FROM finance.budget
UNION ALL
SELECT region, category, CAST(concat(CAST(year AS VARCHAR), '-03-01') AS DATE) AS month, m03 AS budget_eur FROM finance.budget
UNION ALL
SELECT region, category, CAST(concat(CAST(year AS VARCHAR), '-04-01') AS DATE) AS month, m04 AS budget_eur FROM finance.budget
UNION ALL
SELECT region, category, CAST(concat(CAST(year AS VARCHAR), '-05-01') AS DATE) AS month, m05 AS budget_eur FROM finance.budget
UNION ALL
SELECT region, category, CAST(concat(CAST(year AS VARCHAR), '-06-01') AS DATE) AS month, m06 AS budget_eur FROM finance.budget
UNION ALL
SELECT region, category, CAST(concat(CAST(year AS VARCHAR), '-07-01') AS DATE) AS month, m07 AS budget_eur FROM finance.budget
UNION ALL
SELECT region, category, CAST(concat(CAST(year AS VARCHAR), '-08-01') AS DATE) AS month, m08 AS budget_eur FROM finance.budget
UNION ALL
SELECT region, category, CAST(concat(CAST(year AS VARCHAR), '-09-01') AS DATE) AS month, m09 AS budget_eur FROM finance.budget
UNION ALL
SELECT region, category, CAST(concat(CAST(year AS VARCHAR), '-10-01') AS DATE) AS month, m10 AS budget_eur FROM finance.budget
UNION ALL
SELECT region, category, CAST(concat(CAST(year AS VARCHAR), '-11-01') AS DATE) AS month, m11 AS budget_eur FROM finance.budget
UNION ALL
SELECT region, category, CAST(concat(CAST(year AS VARCHAR), '-12-01') AS DATE) AS month, m12 AS budget_eur FROM finance.budget
