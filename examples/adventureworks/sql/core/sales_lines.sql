/*+++
materialize = "table"
owner = "sales"
grain = ["channel", "sales_order_number", "line_key"]
checks = [
    { references = "core.products", via = ["product_id"] },
    { references = "core.customers", via = ["customer_id"] },
    { references = "crm.territories", via = ["territory_id"] },
    { not_null = ["sales_month", "territory_id", "quantity", "net_amount"] },
    { range = { min = "2011-05-01", max = "2014-06-01" }, column = "sales_month" },
]
+++*/
-- Every line sold, in the web shop or to resellers, on one time line.
--
-- Both publishers moved the dates. Those of the web shop are exactly 4,207 days late and are moved back to the day. Resellers
-- ordered around the turn of a month; the publisher spread each turn over the month that began 73 months later, so only the month can
-- be restored: it is the one that began at that turn. sales_month is what the two channels share, and both cover 2011-06 to
-- 2014-04 in full. The reseller extract holds about 95 % of the original lines.
WITH online AS (
    SELECT
        line.sales_order_id,
        line.sales_order_detail_id,
        line.product_id,
        line.quantity,
        line.unit_price,
        line.percentage_discount,
        placed.order_date,
        placed.customer_id,
        CAST(placed.order_date - INTERVAL '4207 days' AS DATE) AS original_date
    FROM erp.online_order_lines AS line
    JOIN erp.online_orders AS placed ON placed.sales_order_id = line.sales_order_id
)
SELECT
    'online' AS channel, -- online or reseller
    concat('SO', CAST(online.sales_order_id AS VARCHAR)) AS sales_order_number, -- the number both systems count in
    online.sales_order_detail_id AS line_key, -- online: the line's id; reseller: the product version's
    online.order_date, -- as published
    CAST(date_trunc('month', online.original_date) AS DATE) AS sales_month, -- first day of the restored month
    online.customer_id,
    online.product_id,
    customer.territory_id,
    CAST(NULL AS BIGINT) AS salesperson_id, -- the employee who sold to a reseller; null online
    online.quantity, -- pieces
    CAST(
        CAST(online.quantity AS DECIMAL(9, 0)) * online.unit_price * (1 - CAST(online.percentage_discount AS DECIMAL(5, 4))) AS DECIMAL(19, 4)
    ) AS net_amount, -- USD after discount, before tax and freight
    CAST(CAST(online.quantity AS DECIMAL(9, 0)) * cost.standard_cost AS DECIMAL(19, 4)) AS cost_amount -- USD at the standard cost of that day
FROM online
JOIN core.customers AS customer ON customer.customer_id = online.customer_id
LEFT JOIN erp.product_costs AS cost
    ON cost.product_id = online.product_id
    AND online.original_date >= cost.start_date
    AND (cost.end_date IS NULL OR online.original_date <= cost.end_date)
UNION ALL
SELECT
    'reseller' AS channel,
    sale.sales_order_number,
    sale.product_key AS line_key,
    sale.order_date,
    CAST(date_trunc('month', sale.order_date) - INTERVAL '73 months' AS DATE) AS sales_month,
    customer.customer_id,
    product.product_id,
    territory.territory_id,
    employee.employee_id AS salesperson_id,
    sale.quantity,
    sale.sales_amount AS net_amount,
    CAST(coalesce(sale.total_product_cost, CAST(sale.quantity AS DECIMAL(9, 0)) * sale.standard_cost) AS DECIMAL(19, 4)) AS cost_amount
FROM erp.reseller_order_lines AS sale
JOIN erp.product_versions AS version ON version.product_key = sale.product_key
JOIN erp.products AS product ON product.product_number = version.product_number
JOIN crm.resellers AS reseller ON reseller.reseller_key = sale.reseller_key
JOIN crm.customers AS customer ON customer.account_number = reseller.account_number
JOIN crm.warehouse_territories AS territory ON territory.territory_key = sale.sales_territory_key
JOIN hr.employee_versions AS seller ON seller.employee_key = sale.employee_key
JOIN hr.employees AS employee ON employee.national_id = seller.national_id
