/*+++
owner = "procurement"
grain = ["employee_id", "vendor_id"]
edge = { from = "employee:employee_id", to = "vendor:vendor_id", relation = "buys_from" }
+++*/
-- Which buyer orders from which vendor.
SELECT
    employee_id,
    vendor_id,
    count(*) AS orders,
    sum(total_due) AS total_due, -- USD, tax and freight included
    max(order_date) AS last_order_date
FROM erp.purchase_orders
GROUP BY employee_id, vendor_id
