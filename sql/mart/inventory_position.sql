/*+++
materialize = "table"
owner = "supply chain"
grain = ["warehouse_id", "product_id"]
+++*/
-- What a warehouse has of a product and what is on its way.
WITH coming AS (
    SELECT warehouse_id, product_id, sum(quantity) AS on_order, min(promised_on) AS next_promised_on
    FROM erp.purchase_orders
    WHERE status = 'open'
    GROUP BY warehouse_id, product_id
)
SELECT
    i.warehouse_id,
    w.region,
    i.product_id,
    p.name AS product_name,
    p.category,
    i.on_hand, -- at the last count
    i.reserved, -- of it, promised to customers
    coalesce(c.on_order, 0) AS on_order,
    c.next_promised_on,
    i.on_hand * p.cost_eur AS stock_value_eur,
    i.counted_on
FROM erp.inventory AS i
JOIN erp.warehouses AS w ON w.warehouse_id = i.warehouse_id
JOIN core.products AS p ON p.product_id = i.product_id
LEFT JOIN coming AS c ON c.warehouse_id = i.warehouse_id AND c.product_id = i.product_id
