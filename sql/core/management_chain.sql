/*+++
owner = "people"
grain = ["employee_id", "manager_id"]
checks = [{ references = "core.employees", via = ["manager_id"], to = ["employee_id"] }]
+++*/
-- Everybody an employee answers to, directly (step 1) or through others.
WITH RECURSIVE chain AS (
    SELECT employee_id, manager_id, 1 AS step
    FROM core.employees
    WHERE manager_id IS NOT NULL
    UNION ALL
    SELECT chain.employee_id, e.manager_id, chain.step + 1 AS step
    FROM chain
    JOIN core.employees AS e ON e.employee_id = chain.manager_id
    WHERE e.manager_id IS NOT NULL AND chain.step < 20
)
SELECT
    employee_id,
    manager_id,
    step -- 1 is the direct manager
FROM chain
