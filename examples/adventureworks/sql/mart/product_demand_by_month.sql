/*+++
materialize = "table"
owner = "operations"
grain = ["product_id", "demand_month"]
checks = [{ references = "core.products", via = ["product_id"] }, { range = { min = 0 }, column = "quantity" }]
+++*/
-- Pieces needed of each product in each restored month: sold as such, or built into a product that was sold. Today's bill of
-- materials is used throughout, and a product is taken as built in the month it is sold.
WITH sold AS (
    SELECT product_id, sales_month, CAST(sum(quantity) AS DOUBLE) AS quantity
    FROM core.sales_lines
    GROUP BY product_id, sales_month
),
needed AS (
    SELECT product_id, sales_month, quantity AS sold, CAST(0 AS DOUBLE) AS built_in
    FROM sold
    UNION ALL
    SELECT part.component_id AS product_id, sold.sales_month, CAST(0 AS DOUBLE) AS sold, sold.quantity * part.quantity AS built_in
    FROM sold
    JOIN core.bom_explosion AS part ON part.product_id = sold.product_id
)
SELECT
    product_id,
    sales_month AS demand_month, -- first day of the month
    sum(sold) AS sold, -- pieces sold as such
    sum(built_in) AS built_in, -- pieces inside products sold
    sum(sold) + sum(built_in) AS quantity -- pieces
FROM needed
GROUP BY product_id, sales_month
