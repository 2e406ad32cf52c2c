/*+++
owner = "people"
edge = { from = "employee:head_id", to = "department:department_id", relation = "leads" }
grain = ["department_id"]
+++*/
-- An edge from everybody who leads a department to it.
SELECT head_id, department_id
FROM hr.departments
