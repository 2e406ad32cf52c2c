/*+++
owner = "people"
edge = { from = "employee:employee_id", to = "department:department_id", relation = "works in" }
grain = ["employee_id"]
+++*/
-- An edge from everybody to their department.
SELECT employee_id, department_id
FROM core.employees
