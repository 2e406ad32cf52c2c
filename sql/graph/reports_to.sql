/*+++
owner = "people"
edge = { from = "employee:employee_id", to = "employee:manager_id", relation = "reports to" }
grain = ["employee_id"]
+++*/
-- An edge from everybody to their manager.
SELECT employee_id, manager_id
FROM core.employees
WHERE manager_id IS NOT NULL
