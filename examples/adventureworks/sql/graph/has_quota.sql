/*+++
owner = "sales"
grain = ["quota_id"]
edge = { from = "employee:salesperson_id", to = "quota:quota_id", relation = "has_quota" }
checks = [{ references = "crm.salespeople", via = ["salesperson_id"] }]
+++*/
-- The quota of a salesperson for a quarter, with the territory they sold in when it began.
SELECT
    quota.salesperson_id,
    concat(CAST(quota.salesperson_id AS VARCHAR), '/', CAST(quota.quota_date AS VARCHAR)) AS quota_id, -- salesperson and first day
    quota.quota_date, -- first day of the quarter
    quota.sales_quota, -- USD for the quarter
    assignment.territory_id -- null for managers
FROM crm.sales_quotas AS quota
LEFT JOIN crm.territory_assignments AS assignment
    ON assignment.salesperson_id = quota.salesperson_id
    AND quota.quota_date >= assignment.start_date
    AND (assignment.end_date IS NULL OR quota.quota_date <= assignment.end_date)
