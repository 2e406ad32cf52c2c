/*+++
owner = "sales"
grain = ["customer_id"]
edge = { from = "customer:customer_id", to = "territory:territory_id", relation = "located_in" }
+++*/
-- The territory of every customer, re-keyed ones included.
SELECT
    customer_id,
    territory_id,
    kind -- store, store contact or person
FROM core.customers
