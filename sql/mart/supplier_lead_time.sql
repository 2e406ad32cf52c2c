/*+++
materialize = "table"
owner = "supply chain"
grain = ["supplier_id"]
checks = [{ range = { min = 0 }, column = "lead_time_days" }, { range = { min = 0, max = 1 }, column = "late_share" }]
+++*/
-- How long suppliers take, against what they promise: deliveries ordered since 2024.
WITH delivery AS (
    SELECT
        supplier_id,
        CAST(CAST(received_on AS INT) - CAST(ordered_on AS INT) AS BIGINT) AS days,
        CAST(CAST(promised_on AS INT) - CAST(ordered_on AS INT) AS BIGINT) AS promised_days,
        CASE WHEN received_on > promised_on THEN 1 ELSE 0 END AS late
    FROM erp.purchase_orders
    WHERE status = 'received' AND ordered_on >= DATE '2024-01-01'
),
total AS (
    SELECT
        supplier_id,
        count(*) AS deliveries,
        CAST(sum(days) AS DOUBLE) AS days,
        CAST(sum(days * days) AS DOUBLE) AS squares,
        CAST(sum(promised_days) AS DOUBLE) AS promised,
        CAST(sum(late) AS DOUBLE) AS late
    FROM delivery
    GROUP BY supplier_id
)
SELECT
    t.supplier_id,
    s.name AS supplier_name,
    t.deliveries,
    t.promised / t.deliveries AS promised_days, -- mean
    t.days / t.deliveries AS lead_time_days, -- mean, from order to receipt
    sqrt(greatest(t.squares / t.deliveries - (t.days / t.deliveries) * (t.days / t.deliveries), 0.0)) AS lead_time_sd_days,
    t.late / t.deliveries AS late_share -- of deliveries
FROM total AS t
JOIN erp.suppliers AS s ON s.supplier_id = t.supplier_id
