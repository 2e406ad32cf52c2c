/*+++
materialize = "table"
+++*/
-- How long customers have been with us, at the instant of the run.
SELECT customer_id, as_of() AS computed_at, as_of() > CAST(since AS TIMESTAMP) AS is_past
FROM shop.customers
