/*+++
materialize = "table"
owner = "sales"
grain = ["order_id"]
+++*/
-- Every order with its customer.
SELECT
    o.order_id,
    o.customer_id,
    c.name AS customer,                 -- null where nobody knows
    o.amount,                           -- in euros
    CAST(o.ordered_at AS DATE) AS day
FROM shop.orders o
LEFT JOIN shop.customers c ON c.customer_id = o.customer_id
