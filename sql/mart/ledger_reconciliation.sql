/*+++
materialize = "table"
owner = "finance"
grain = ["store_id", "month"]
checks = [{ range = { min = 0, max = 0 }, column = "difference" }]
+++*/
-- The tills against the ledger's revenue account: to the cent, in the shop's currency.
WITH tills AS (
    SELECT store_id, CAST(date_trunc('month', sold_on) AS DATE) AS month, sum(revenue) AS sold
    FROM core.sales
    GROUP BY store_id, CAST(date_trunc('month', sold_on) AS DATE)
),
ledger AS (
    SELECT store_id, CAST(date_trunc('month', posted_on) AS DATE) AS month, sum(credit) - sum(debit) AS posted
    FROM finance.ledger
    WHERE account = '4000'
    GROUP BY store_id, CAST(date_trunc('month', posted_on) AS DATE)
)
SELECT
    coalesce(t.store_id, l.store_id) AS store_id,
    coalesce(t.month, l.month) AS month, -- its first day
    coalesce(t.sold, 0) AS sold,
    coalesce(l.posted, 0) AS posted,
    coalesce(t.sold, 0) - coalesce(l.posted, 0) AS difference
FROM tills AS t
FULL JOIN ledger AS l ON l.store_id = t.store_id AND l.month = t.month
