/*+++
owner = "supply chain"
grain = ["purchase_order_id"]
+++*/
-- A purchase order with what was known of it, its supplier and its product when it was placed, and whether it came late.
SELECT
    o.purchase_order_id,
    o.ordered_on,
    o.supplier_id,
    s.country AS supplier_country,
    s.rating AS supplier_rating,
    p.category,
    o.warehouse_id,
    o.quantity,
    CAST(o.unit_cost_eur AS DOUBLE) AS unit_cost_eur,
    CAST(o.promised_on AS INT) - CAST(o.ordered_on AS INT) AS promised_days,
    CAST(date_part('month', o.ordered_on) AS INT) AS ordered_month,
    CASE
        WHEN o.received_on IS NULL THEN NULL
        ELSE CAST(o.received_on AS INT) - CAST(o.promised_on AS INT) > 3
    END AS late -- more than three days after the promise; null while it is on its way
FROM erp.purchase_orders AS o
JOIN erp.suppliers AS s ON s.supplier_id = o.supplier_id
JOIN core.products AS p ON p.product_id = o.product_id
WHERE o.status <> 'cancelled'
