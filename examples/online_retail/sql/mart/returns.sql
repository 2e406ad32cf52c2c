/*+++
materialize = "table"
owner = "sales"
grain = ["sku"]
checks = [{ range = { min = 0 }, column = "returned_quantity" }]
+++*/
-- Products that came back: how many pieces of those sold.
SELECT
    sku,
    max(description) AS description, -- one of those in use
    sum(CASE WHEN kind = 'sale' THEN quantity ELSE 0 END) AS sold_quantity, -- pieces
    -sum(CASE WHEN kind = 'return' THEN quantity ELSE 0 END) AS returned_quantity, -- pieces
    -sum(CASE WHEN kind = 'return' THEN amount ELSE 0 END) AS returned_amount, -- GBP
    count(DISTINCT CASE WHEN kind = 'return' THEN invoice_no END) AS cancellations
FROM core.sales
WHERE is_product
GROUP BY sku
HAVING sum(CASE WHEN kind = 'return' THEN 1 ELSE 0 END) > 0
