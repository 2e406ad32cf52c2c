/*+++
materialize = "table"
owner = "sales"
grain = ["sku", "week"]
+++*/
-- Pieces of each product sold in a week, returns not deducted: what the shop needed to have.
SELECT
    sku,
    CAST(date_trunc('week', invoiced_on) AS DATE) AS week, -- its Monday
    sum(quantity) AS quantity, -- pieces
    sum(amount) AS amount, -- GBP
    count(DISTINCT invoice_no) AS invoices
FROM core.sales
WHERE kind = 'sale' AND is_product
GROUP BY sku, CAST(date_trunc('week', invoiced_on) AS DATE)
