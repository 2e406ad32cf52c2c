/*+++
owner = "procurement"
grain = ["product_id"]
checks = [{ references = "core.products", via = ["product_id"] }]
+++*/
-- Every bought product with what a reorder needs to know: stock, the vendor to order from first, and demand.
-- Vendors that sell in packs do not say how many pieces a pack holds: their order limits are left out.
SELECT
    stock.product_id,
    stock.product,
    supply.vendor_id AS supplier, -- the first choice of graph.supplies
    supply.vendor AS supplier_name,
    CAST(stock.on_hand AS DOUBLE) AS on_hand, -- pieces
    CAST(stock.on_order AS DOUBLE) AS on_order, -- pieces, at least
    CAST(supply.lead_time_days AS DOUBLE) AS lead_time_days,
    coalesce(performance.days_to_ship_sd, 0.0) AS lead_time_sd_days, -- as the vendor's shipping days vary
    coalesce(demand.daily_demand, 0.0) AS daily_demand, -- pieces; 0 where nothing sold contains it
    coalesce(demand.daily_demand_sd, 0.0) AS daily_demand_sd, -- pieces
    CASE WHEN supply.unit_measure_code = 'EA' THEN CAST(supply.min_order_quantity AS DOUBLE) END AS min_order, -- pieces
    CASE WHEN supply.unit_measure_code = 'EA' THEN CAST(supply.max_order_quantity AS DOUBLE) END AS max_order, -- pieces
    CAST(supply.standard_price AS DOUBLE) AS unit_cost, -- USD per unit of measure
    CAST(stock.safety_stock_level AS DOUBLE) AS safety_stock_floor -- pieces
FROM mart.inventory_position AS stock
JOIN graph.supplies AS supply ON supply.product_id = stock.product_id AND supply.choice = 1
LEFT JOIN mart.vendor_performance AS performance ON performance.vendor_id = supply.vendor_id
LEFT JOIN mart.product_demand AS demand ON demand.product_id = stock.product_id
