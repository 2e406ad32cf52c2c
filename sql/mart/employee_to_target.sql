/*+++
materialize = "table"
owner = "people"
grain = ["employee_id", "target_id"]
+++*/
-- The chain from anybody to what the company promised: employee, department, vice president, the vice president's target of the quarter,
-- and the target without which that cannot be reached.
WITH vice_president AS (
    SELECT d.department_id, d.name AS department_name, e.employee_id AS vice_president_id, e.name AS vice_president_name
    FROM hr.departments AS d
    JOIN core.employees AS e ON e.employee_id = d.head_id
    WHERE d.parent_id IS NOT NULL
),
answers_to AS (
    SELECT employee_id, manager_id AS vice_president_id, step FROM core.management_chain
    UNION ALL
    SELECT employee_id, employee_id AS vice_president_id, 0 AS step FROM core.employees
)
SELECT
    e.employee_id,
    e.name AS employee_name,
    e.job_title,
    s.name AS store_name, -- null in the offices
    v.department_name,
    v.vice_president_id,
    v.vice_president_name,
    a.step AS managers_between, -- steps up to the vice president
    t.target_id,
    t.year AS target_year,
    t.quarter AS target_quarter,
    t.metric,
    t.value AS target_value,
    t.unit,
    t.statement AS target_statement,
    needed.target_id AS depends_on,
    needed.value AS depends_on_value,
    needed.statement AS depends_on_statement
FROM core.employees AS e
JOIN answers_to AS a ON a.employee_id = e.employee_id
JOIN vice_president AS v ON v.vice_president_id = a.vice_president_id
JOIN core.targets AS t ON t.owner_id = v.vice_president_id
LEFT JOIN core.targets AS needed ON needed.target_id = t.depends_on
LEFT JOIN core.stores AS s ON s.store_id = e.store_id
