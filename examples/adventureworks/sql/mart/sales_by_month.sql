/*+++
materialize = "table"
owner = "sales"
grain = ["sales_month"]
+++*/
-- Sales of both channels by restored month (core.sales_lines says how). The first month and the last two lack a channel.
SELECT
    sales_month, -- first day of the month
    count(DISTINCT sales_order_number) AS orders,
    sum(quantity) AS quantity, -- pieces
    sum(CASE WHEN channel = 'online' THEN net_amount ELSE 0 END) AS online_amount, -- USD
    sum(CASE WHEN channel = 'reseller' THEN net_amount ELSE 0 END) AS reseller_amount, -- USD
    sum(net_amount) AS net_amount, -- USD
    sum(net_amount) - sum(cost_amount) AS margin -- USD over standard cost
FROM core.sales_lines
GROUP BY sales_month
