/*+++
owner = "finance"
grain = ["target_id"]
checks = [{ references = "core.employees", via = ["owner_id"], to = ["employee_id"], level = "warn" }]
+++*/
-- What somebody promised to reach in a quarter, with the days it runs from and until.
SELECT
    target_id,
    year,
    quarter,
    make_date(year, quarter * 3 - 2, 1) AS starts_on,
    CAST(make_date(year, quarter * 3 - 2, 1) + INTERVAL '3 months' AS DATE) AS ends_before, -- the first day of the next quarter
    metric,
    region, -- null for the whole company
    owner_id,
    department_id,
    value,
    unit,
    parent_id, -- the target it is a part of
    depends_on, -- the target without which it cannot be reached
    statement
FROM finance.targets
