/*+++
owner = "finance"
grain = ["month", "currency"]
+++*/
-- The mean reference rate of each month, the euro's own included.
SELECT
    CAST(date_trunc('month', quoted_on) AS DATE) AS month, -- its first day
    currency,
    CAST(avg(rate) AS DOUBLE) AS units_per_eur
FROM market.exchange_rates
WHERE rate IS NOT NULL
GROUP BY CAST(date_trunc('month', quoted_on) AS DATE), currency
UNION ALL
SELECT DISTINCT CAST(date_trunc('month', quoted_on) AS DATE) AS month, 'EUR' AS currency, CAST(1 AS DOUBLE) AS units_per_eur
FROM market.exchange_rates
