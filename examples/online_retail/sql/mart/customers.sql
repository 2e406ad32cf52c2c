/*+++
materialize = "table"
owner = "sales"
grain = ["customer_id"]
+++*/
-- Every known customer: when they bought, how often, for how much.
SELECT
    customer_id,
    max(country) AS country, -- the last by alphabet of the few who have two
    min(invoiced_on) AS first_on,
    max(invoiced_on) AS last_on,
    count(DISTINCT CASE WHEN kind = 'sale' THEN invoice_no END) AS purchases,
    count(DISTINCT CASE WHEN kind = 'return' THEN invoice_no END) AS cancellations,
    sum(amount) AS net_amount -- GBP, returns deducted
FROM core.sales
WHERE customer_id IS NOT NULL
GROUP BY customer_id
