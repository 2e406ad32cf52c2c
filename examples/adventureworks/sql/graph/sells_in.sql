/*+++
owner = "sales"
grain = ["salesperson_id", "territory_id"]
edge = { from = "employee:salesperson_id", to = "territory:territory_id", relation = "sells_in" }
checks = [{ references = "crm.territories", via = ["territory_id"] }]
+++*/
-- The territory every salesperson sells in now. The three managers have none.
SELECT
    salesperson_id,
    territory_id,
    start_date AS since
FROM crm.territory_assignments
WHERE end_date IS NULL
