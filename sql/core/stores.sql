/*+++
owner = "sales"
grain = ["store_id"]
+++*/
-- A shop with the warehouse that serves it.
SELECT
    s.store_id,
    s.name,
    s.city,
    s.country,
    s.region,
    s.currency,
    s.opened_on,
    s.floor_area_m2,
    s.manager_id, -- the employee who runs it
    w.warehouse_id -- the one of its region
FROM erp.stores AS s
LEFT JOIN erp.warehouses AS w ON w.region = s.region
