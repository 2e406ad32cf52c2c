/*+++
materialize = "table"
owner = "operations"
grain = ["product_id"]
checks = [{ references = "core.products", via = ["product_id"] }, { range = { min = 0 }, column = "on_hand" }]
+++*/
-- What is in stock and on its way, for every product, against the levels it should not fall below.
WITH stock AS (
    SELECT product_id, sum(quantity) AS on_hand, count(*) AS locations
    FROM erp.inventory
    GROUP BY product_id
),
coming AS (
    SELECT product_id, sum(coalesce(on_order_quantity, 0)) AS on_order
    FROM erp.vendor_products
    GROUP BY product_id
)
SELECT
    product.product_id,
    product.name AS product,
    product.category,
    product.made_in_house,
    coalesce(stock.on_hand, 0) AS on_hand, -- pieces over all locations
    coalesce(stock.locations, 0) AS locations,
    coalesce(coming.on_order, 0) AS on_order, -- with vendors; a pack counts as one piece, the least it can hold
    product.safety_stock_level,
    product.reorder_point,
    coalesce(stock.on_hand, 0) + coalesce(coming.on_order, 0) <= product.reorder_point AS below_reorder_point,
    coalesce(stock.on_hand, 0) <= product.safety_stock_level AS below_safety_stock,
    CAST(coalesce(stock.on_hand, 0) AS DECIMAL(12, 0)) * product.standard_cost AS stock_value -- USD at standard cost; 0 for bought parts, which have none
FROM core.products AS product
LEFT JOIN stock ON stock.product_id = product.product_id
LEFT JOIN coming ON coming.product_id = product.product_id
