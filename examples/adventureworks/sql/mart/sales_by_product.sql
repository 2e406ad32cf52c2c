/*+++
materialize = "table"
owner = "sales"
grain = ["product_id"]
checks = [{ references = "core.products", via = ["product_id"] }]
+++*/
-- What was ever sold of each product.
SELECT
    line.product_id,
    product.name AS product,
    product.category,
    product.subcategory,
    count(*) AS lines,
    sum(line.quantity) AS quantity, -- pieces
    sum(CASE WHEN line.channel = 'online' THEN line.net_amount ELSE 0 END) AS online_amount, -- USD
    sum(CASE WHEN line.channel = 'reseller' THEN line.net_amount ELSE 0 END) AS reseller_amount, -- USD
    sum(line.net_amount) AS net_amount, -- USD
    sum(line.net_amount) - sum(line.cost_amount) AS margin, -- USD over standard cost
    min(line.sales_month) AS first_month,
    max(line.sales_month) AS last_month
FROM core.sales_lines AS line
JOIN core.products AS product ON product.product_id = line.product_id
GROUP BY line.product_id, product.name, product.category, product.subcategory
