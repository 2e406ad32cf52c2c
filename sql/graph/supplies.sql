/*+++
owner = "supply chain"
edge = { from = "supplier:supplier_id", to = "product:product_id", relation = "supplies" }
grain = ["supplier_id", "product_id"]
checks = [{ references = "erp.suppliers", via = ["supplier_id"] }, { references = "core.products", via = ["product_id"] }]
+++*/
-- An edge from a supplier to every product it delivered.
SELECT
    supplier_id,
    product_id,
    count(*) AS deliveries,
    sum(quantity) AS units,
    max(received_on) AS last_received_on
FROM erp.purchase_orders
WHERE status = 'received'
GROUP BY supplier_id, product_id
