/*+++
owner = "supply chain"
grain = ["warehouse_id", "product_id"]
+++*/
-- What the reorder recommendation starts from. Demand is the forecast of the next two months; its deviation comes from the upper 80 % bound of
-- the first, taking days as independent. Lead times are those that suppliers keep.
WITH demand AS (
    SELECT
        one.region,
        one.product_id,
        (one.mean + two.mean) / CAST(CAST(three.period_start AS INT) - CAST(one.period_start AS INT) AS DOUBLE) AS daily_demand,
        greatest(one.hi80 - one.mean, 0.0) / 1.2815515655446004
            / sqrt(CAST(CAST(two.period_start AS INT) - CAST(one.period_start AS INT) AS DOUBLE)) AS daily_demand_sd
    FROM mart.demand_forecast AS one
    JOIN mart.demand_forecast AS two ON two.region = one.region AND two.product_id = one.product_id AND two.step = 2
    JOIN mart.demand_forecast AS three ON three.region = one.region AND three.product_id = one.product_id AND three.step = 3
    WHERE one.step = 1
)
SELECT
    i.warehouse_id,
    i.product_id,
    CAST(i.on_hand - i.reserved AS DOUBLE) AS on_hand, -- free stock
    CAST(i.on_order AS DOUBLE) AS on_order,
    coalesce(l.lead_time_days, CAST(o.lead_time_days AS DOUBLE)) AS lead_time_days, -- as promised where nothing was delivered yet
    coalesce(l.lead_time_sd_days, 0.0) AS lead_time_sd_days,
    d.daily_demand, -- units
    d.daily_demand_sd, -- units
    CAST(o.min_order AS DOUBLE) AS min_order,
    CAST(o.order_multiple AS DOUBLE) AS order_multiple,
    CAST(o.unit_cost_eur AS DOUBLE) AS unit_cost, -- euros
    s.name AS supplier
FROM mart.inventory_position AS i
JOIN demand AS d ON d.region = i.region AND d.product_id = i.product_id
JOIN erp.supplier_products AS o ON o.product_id = i.product_id AND o.preferred
JOIN erp.suppliers AS s ON s.supplier_id = o.supplier_id
LEFT JOIN mart.supplier_lead_time AS l ON l.supplier_id = o.supplier_id
