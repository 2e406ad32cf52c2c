/*+++
materialize = "table"
owner = "sales"
grain = ["sale_id"]
checks = [{ references = "core.products", via = ["product_id"] }]
+++*/
-- What shops sold, each line once: the tills repeat a line now and then.
WITH numbered AS (
    SELECT
        sale_id, sold_on, store_id, product_id, quantity, unit_price, discount_percent, promoted,
        row_number() OVER (PARTITION BY sale_id ORDER BY _source_uri, _source_position) AS occurrence
    FROM erp.sales
)
SELECT
    n.sale_id,
    n.sold_on,
    n.store_id,
    s.region,
    s.currency,
    n.product_id,
    n.quantity, -- units
    n.unit_price, -- paid, in the shop's currency
    n.quantity * n.unit_price AS revenue, -- in the shop's currency
    n.discount_percent,
    n.promoted
FROM numbered AS n
JOIN core.stores AS s ON s.store_id = n.store_id
WHERE n.occurrence = 1
