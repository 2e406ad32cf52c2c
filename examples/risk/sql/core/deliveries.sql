/*+++
owner = "supply chain"
grain = ["shipment_id"]
+++*/
-- A shipment with what was known of it when it was ordered, and whether it came late.
SELECT
    shipment_id,
    scheduled_on,
    country,
    managed_by,
    fulfill_via,
    inco_term,
    shipment_mode,
    product_group,
    sub_classification,
    vendor,
    dosage_form,
    units_per_pack,
    quantity,
    value_usd,
    pack_price_usd,
    manufacturing_site,
    first_line,
    weight_kg,
    CASE WHEN ordered_on IS NULL THEN NULL ELSE CAST(scheduled_on AS INT) - CAST(ordered_on AS INT) END AS planned_days, -- from order to delivery
    CAST(date_part('month', scheduled_on) AS INT) AS scheduled_month,
    CAST(date_part('year', scheduled_on) AS INT) AS scheduled_year,
    CASE WHEN delivered_on IS NULL THEN NULL ELSE delivered_on > scheduled_on END AS late -- null while it is on its way
FROM supply.shipments
