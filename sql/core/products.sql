/*+++
owner = "supply chain"
grain = ["product_id"]
+++*/
-- A product with the supplier it is bought from by preference.
SELECT
    p.product_id,
    p.name,
    p.category,
    p.brand,
    p.list_price_eur, -- of January 2023
    p.cost_eur,
    p.launched_on, -- null where it was there from the beginning
    p.discontinued_on,
    o.supplier_id AS preferred_supplier_id,
    s.name AS preferred_supplier_name
FROM erp.products AS p
LEFT JOIN erp.supplier_products AS o ON o.product_id = p.product_id AND o.preferred
LEFT JOIN erp.suppliers AS s ON s.supplier_id = o.supplier_id
