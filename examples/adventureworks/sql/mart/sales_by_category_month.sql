/*+++
materialize = "table"
owner = "sales"
grain = ["category", "sales_month"]
checks = [{ accepted = ["Bikes", "Components", "Clothing", "Accessories"], column = "category" }]
+++*/
-- Sales of both channels by product category and restored month (core.sales_lines says how).
SELECT
    product.category,
    line.sales_month, -- first day of the month
    sum(line.quantity) AS quantity, -- pieces
    sum(line.net_amount) AS net_amount, -- USD
    sum(line.net_amount) - sum(line.cost_amount) AS margin -- USD over standard cost
FROM core.sales_lines AS line
JOIN core.products AS product ON product.product_id = line.product_id
GROUP BY product.category, line.sales_month
