/*+++
materialize = "table"
owner = "procurement"
grain = ["vendor_id"]
checks = [
    { references = "erp.vendors", via = ["vendor_id"] },
    { range = { min = 0, max = 1 }, column = "rejected_share" },
    { range = { min = 0, max = 1 }, column = "late_share" },
]
+++*/
-- How well each vendor delivered: 86 of the 104 were ever ordered from.
WITH delivery AS (
    SELECT
        placed.vendor_id,
        placed.purchase_order_id,
        placed.order_date,
        line.order_quantity,
        line.received_quantity,
        line.rejected_quantity,
        line.line_total,
        CASE WHEN line.received_quantity < line.order_quantity THEN 1 ELSE 0 END AS is_short,
        CASE WHEN placed.ship_date > line.due_date THEN 1 ELSE 0 END AS is_late,
        CAST(CAST(placed.ship_date AS INT) - CAST(placed.order_date AS INT) AS BIGINT) AS days
    FROM erp.purchase_order_lines AS line
    JOIN erp.purchase_orders AS placed ON placed.purchase_order_id = line.purchase_order_id
),
total AS (
    SELECT
        vendor_id,
        count(DISTINCT purchase_order_id) AS orders,
        count(*) AS lines,
        sum(order_quantity) AS ordered,
        sum(received_quantity) AS received,
        sum(rejected_quantity) AS rejected,
        sum(is_short) AS short_lines,
        sum(is_late) AS late_lines,
        sum(days) AS days,
        sum(days * days) AS squared_days,
        sum(line_total) AS spend,
        max(order_date) AS last_order_date
    FROM delivery
    GROUP BY vendor_id
)
SELECT
    vendor.vendor_id,
    vendor.name AS vendor,
    vendor.credit_rating, -- 1 superior to 5 below average
    vendor.preferred AND vendor.active AS preferred,
    total.orders,
    total.lines,
    total.ordered, -- in the vendor's units
    total.received,
    total.rejected, -- turned back at inspection
    CASE WHEN total.received > 0 THEN CAST(total.rejected AS DOUBLE) / CAST(total.received AS DOUBLE) END AS rejected_share, -- of what was received
    total.short_lines, -- less arrived than was ordered
    total.late_lines, -- shipped after the day promised
    CAST(total.late_lines AS DOUBLE) / total.lines AS late_share, -- of lines
    CAST(total.days AS DOUBLE) / total.lines AS days_to_ship, -- mean over lines
    CASE WHEN total.lines > 1
        THEN sqrt(CAST(total.lines * total.squared_days - total.days * total.days AS DOUBLE) / (total.lines * (total.lines - 1)))
    END AS days_to_ship_sd, -- standard deviation over lines; null for a single one
    total.spend, -- USD before tax and freight
    total.last_order_date
FROM total
JOIN erp.vendors AS vendor ON vendor.vendor_id = total.vendor_id
