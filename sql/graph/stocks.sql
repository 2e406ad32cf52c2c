/*+++
owner = "supply chain"
edge = { from = "warehouse:warehouse_id", to = "product:product_id", relation = "stocks" }
grain = ["warehouse_id", "product_id"]
+++*/
-- An edge from a warehouse to every product it keeps.
SELECT warehouse_id, product_id, on_hand
FROM erp.inventory
