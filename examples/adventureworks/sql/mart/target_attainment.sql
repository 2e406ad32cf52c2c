/*+++
materialize = "table"
owner = "reseller sales"
grain = ["salesperson_id", "target_month"]
+++*/
-- Targets for sales to resellers against what was sold, both on the published calendar (73 months after the original), for the
-- months the sales extract covers.
WITH sold AS (
    SELECT
        salesperson_id,
        CAST(date_trunc('month', order_date) AS DATE) AS order_month,
        sum(net_amount) AS amount
    FROM core.sales_lines
    WHERE channel = 'reseller'
    GROUP BY salesperson_id, CAST(date_trunc('month', order_date) AS DATE)
),
covered AS (
    SELECT max(order_month) AS last_month FROM sold
)
SELECT
    target.salesperson_id,
    employee.name AS salesperson,
    target.target_month, -- first day of the month
    target.target_amount, -- USD
    coalesce(sold.amount, 0) AS actual_amount, -- USD
    coalesce(sold.amount, 0) - target.target_amount AS difference, -- USD above the target
    CASE WHEN target.target_amount > 0
        THEN CAST(coalesce(sold.amount, 0) AS DOUBLE) / target.target_amount
    END AS attainment -- 1 is on target; null without one
FROM core.sales_targets AS target
JOIN core.employees AS employee ON employee.employee_id = target.salesperson_id
JOIN covered ON target.target_month <= covered.last_month
LEFT JOIN sold ON sold.salesperson_id = target.salesperson_id AND sold.order_month = target.target_month
