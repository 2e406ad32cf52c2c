/*+++
owner = "operations"
grain = ["component_id", "assembly_id"]
edge = { from = "product:component_id", to = "product:assembly_id", relation = "component_of" }
checks = [{ range = { min = 0 }, column = "quantity" }]
+++*/
-- Which product is built into which, one level, as of the last extract.
SELECT
    component_id,
    assembly_id,
    quantity_per_assembly AS quantity, -- components in one assembly
    unit_measure_code,
    bom_level -- steps below the finished product
FROM erp.bill_of_materials
WHERE assembly_id IS NOT NULL AND end_date IS NULL
