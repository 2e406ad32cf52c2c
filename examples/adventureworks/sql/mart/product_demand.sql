/*+++
materialize = "table"
owner = "operations"
grain = ["product_id"]
checks = [{ range = { min = 0 }, column = "daily_demand" }, { range = { min = 0 }, column = "daily_demand_sd" }]
+++*/
-- Demand a day for each product over the last twelve months that both channels cover (2013-05 to 2014-04). Days are taken as
-- independent, so the deviation of a day is that of a month over the root of the days in a month.
WITH total AS (
    SELECT
        product_id,
        count(*) AS months,
        sum(quantity) AS quantity,
        sum(quantity * quantity) AS squares
    FROM mart.product_demand_by_month
    WHERE demand_month BETWEEN DATE '2013-05-01' AND DATE '2014-04-01'
    GROUP BY product_id
)
SELECT
    product_id,
    months, -- of the twelve, those with any demand
    quantity, -- pieces in the twelve months
    quantity / 365.0 AS daily_demand, -- pieces
    sqrt(greatest(squares - quantity * quantity / 12.0, 0.0) / 11.0) / sqrt(365.0 / 12.0) AS daily_demand_sd -- pieces
FROM total
