/*+++
materialize = "table"
owner = "operations"
grain = ["product_id", "component_id"]
checks = [
    { references = "core.products", via = ["product_id"] },
    { references = "core.products", via = ["component_id"], to = ["product_id"] },
    { sql = "SELECT product_id FROM this WHERE product_id = component_id", name = "nothing_contains_itself" },
]
+++*/
-- How many of each component go into one piece of a product, over all levels of today's bill of materials.
WITH RECURSIVE part AS (
    SELECT assembly_id, component_id, CAST(quantity_per_assembly AS DOUBLE) AS quantity
    FROM erp.bill_of_materials
    WHERE assembly_id IS NOT NULL AND end_date IS NULL
),
explosion AS (
    SELECT assembly_id AS product_id, component_id, quantity, CAST(1 AS BIGINT) AS depth
    FROM part
    UNION ALL
    SELECT explosion.product_id, part.component_id, explosion.quantity * part.quantity, explosion.depth + 1
    FROM explosion
    JOIN part ON part.assembly_id = explosion.component_id
    WHERE explosion.depth < 10
)
SELECT
    product_id,
    component_id,
    sum(quantity) AS quantity, -- components in one piece of the product
    min(depth) AS depth -- steps below the product, 1 for a direct component
FROM explosion
GROUP BY product_id, component_id
