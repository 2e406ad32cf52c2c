/*+++
owner = "people"
grain = ["employee_id"]
edge = { from = "employee:employee_id", to = "employee:manager_id", relation = "reports_to" }
+++*/
-- Who reports to whom: everybody but the chief executive.
SELECT
    employee_id,
    manager_id
FROM core.employees
WHERE manager_id IS NOT NULL
