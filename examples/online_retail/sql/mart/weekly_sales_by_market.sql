/*+++
materialize = "table"
owner = "sales"
grain = ["market", "week"]
checks = [{ accepted = ["United Kingdom", "Germany", "France", "EIRE", "Netherlands", "Australia", "Other"], column = "market" }]
+++*/
-- Products sold in a week, less those returned, in the six countries that buy most and in all others together.
SELECT
    CASE
        WHEN country IN ('United Kingdom', 'Germany', 'France', 'EIRE', 'Netherlands', 'Australia') THEN country
        ELSE 'Other'
    END AS market, -- a country, or Other
    CAST(date_trunc('week', invoiced_on) AS DATE) AS week, -- its Monday
    sum(quantity) AS quantity, -- pieces
    sum(amount) AS net_amount -- GBP
FROM core.sales
WHERE is_product AND kind IN ('sale', 'return')
GROUP BY
    CASE
        WHEN country IN ('United Kingdom', 'Germany', 'France', 'EIRE', 'Netherlands', 'Australia') THEN country
        ELSE 'Other'
    END,
    CAST(date_trunc('week', invoiced_on) AS DATE)
