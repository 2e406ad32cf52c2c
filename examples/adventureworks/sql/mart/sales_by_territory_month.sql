/*+++
materialize = "table"
owner = "sales"
grain = ["territory_id", "sales_month"]
checks = [{ references = "crm.territories", via = ["territory_id"] }]
+++*/
-- Sales of both channels by territory and restored month (core.sales_lines says how).
SELECT
    line.territory_id,
    territory.name AS territory,
    territory.territory_group, -- North America, Europe or Pacific
    territory.country_code,
    line.sales_month, -- first day of the month
    count(DISTINCT line.sales_order_number) AS orders,
    sum(line.quantity) AS quantity, -- pieces
    sum(CASE WHEN line.channel = 'online' THEN line.net_amount ELSE 0 END) AS online_amount, -- USD
    sum(CASE WHEN line.channel = 'reseller' THEN line.net_amount ELSE 0 END) AS reseller_amount, -- USD
    sum(line.net_amount) AS net_amount -- USD
FROM core.sales_lines AS line
JOIN crm.territories AS territory ON territory.territory_id = line.territory_id
GROUP BY line.territory_id, territory.name, territory.territory_group, territory.country_code, line.sales_month
