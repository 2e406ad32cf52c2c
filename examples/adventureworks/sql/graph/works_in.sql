/*+++
owner = "people"
grain = ["employee_id"]
edge = { from = "employee:employee_id", to = "department:department_id", relation = "works_in" }
+++*/
-- The department everybody works in now.
SELECT
    employee_id,
    department_id,
    in_department_since AS since
FROM core.employees
