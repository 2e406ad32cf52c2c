/*+++
materialize = "table"
owner = "sales"
grain = ["invoiced_on"]
+++*/
-- A day of the shop: closed on Saturdays and around Christmas.
SELECT
    invoiced_on,
    count(DISTINCT invoice_no) AS invoices,
    count(*) AS lines,
    count(DISTINCT customer_id) AS customers, -- those known
    sum(CASE WHEN kind = 'sale' THEN amount ELSE 0 END) AS sales, -- GBP
    sum(CASE WHEN kind = 'return' THEN amount ELSE 0 END) AS returned, -- GBP, negative
    sum(amount) AS net_amount -- GBP, adjustments included
FROM core.sales
GROUP BY invoiced_on
