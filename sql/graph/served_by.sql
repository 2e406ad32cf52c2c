/*+++
owner = "supply chain"
edge = { from = "store:store_id", to = "warehouse:warehouse_id", relation = "is served by" }
grain = ["store_id"]
+++*/
-- An edge from a shop to its warehouse.
SELECT store_id, warehouse_id
FROM core.stores
