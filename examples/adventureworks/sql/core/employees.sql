/*+++
owner = "people"
grain = ["employee_id"]
checks = [{ references = "hr.departments", via = ["department_id"] }, { references = "hr.employees", via = ["manager_id"], to = ["employee_id"] }]
+++*/
-- Every employee as of the last extract, with manager and department. Names and managers come from the warehouse, the rest from operations.
SELECT
    employee.employee_id,
    concat_ws(' ', person.first_name, person.last_name) AS name,
    employee.job_title,
    employee.organization_level, -- steps below the chief executive
    manager.employee_id AS manager_id, -- null for the chief executive
    nullif(concat_ws(' ', boss.first_name, boss.last_name), '') AS manager_name,
    department.department_id,
    department.name AS department,
    department.group_name AS department_group,
    shift.name AS shift,
    assignment.start_date AS in_department_since,
    employee.hire_date,
    person.salesperson AS is_salesperson
FROM hr.employees AS employee
JOIN hr.employee_versions AS person ON person.national_id = employee.national_id AND person.status = 'Current'
LEFT JOIN hr.employee_versions AS boss ON boss.employee_key = person.manager_key
LEFT JOIN hr.employees AS manager ON manager.national_id = boss.national_id
JOIN hr.department_assignments AS assignment ON assignment.employee_id = employee.employee_id AND assignment.end_date IS NULL
JOIN hr.departments AS department ON department.department_id = assignment.department_id
JOIN hr.shifts AS shift ON shift.shift_id = assignment.shift_id
