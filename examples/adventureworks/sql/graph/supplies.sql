/*+++
owner = "procurement"
grain = ["vendor_id", "product_id"]
edge = { from = "vendor:vendor_id", to = "product:product_id", relation = "supplies" }
checks = [{ references = "core.products", via = ["product_id"] }, { range = { min = 0 }, column = "lead_time_days" }]
+++*/
-- Which vendor supplies which product, on what terms.
SELECT
    terms.vendor_id,
    terms.product_id,
    vendor.name AS vendor,
    terms.average_lead_time_days AS lead_time_days, -- from order to receipt
    terms.standard_price, -- USD per unit of measure
    terms.min_order_quantity, -- in the unit of measure
    terms.max_order_quantity, -- in the unit of measure
    terms.on_order_quantity, -- in the unit of measure; null for none
    terms.unit_measure_code, -- EA are pieces; the source does not say how many are in other packs
    vendor.credit_rating, -- 1 superior to 5 below average
    vendor.preferred AND vendor.active AS preferred,
    CAST(row_number() OVER (
        PARTITION BY terms.product_id
        ORDER BY vendor.active DESC, vendor.preferred DESC, terms.standard_price, terms.average_lead_time_days, terms.vendor_id
    ) AS BIGINT) AS choice -- 1 for the vendor to order from first: active, preferred, cheapest, fastest
FROM erp.vendor_products AS terms
JOIN erp.vendors AS vendor ON vendor.vendor_id = terms.vendor_id
