/*+++
owner = "people"
grain = ["employee_id"]
+++*/
-- Everybody who works here now.
SELECT
    e.employee_id,
    e.first_name || ' ' || e.last_name AS name,
    e.email,
    e.job_title,
    e.department_id,
    d.name AS department_name,
    e.manager_id, -- null for the chief executive alone
    e.store_id, -- null in the offices
    e.hired_on
FROM hr.employees AS e
JOIN hr.departments AS d ON d.department_id = e.department_id
WHERE e._valid_to IS NULL
