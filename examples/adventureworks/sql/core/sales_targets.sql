/*+++
owner = "reseller sales"
grain = ["salesperson_id", "target_month"]
checks = [{ references = "hr.employees", via = ["salesperson_id"], to = ["employee_id"] }, { range = { min = 0 }, column = "target_amount" }]
+++*/
-- What a salesperson was to sell to resellers, one row a month; the head of sales has targets too, though no quota.
-- Years are as published, 73 months after the original.
SELECT
    employee.employee_id AS salesperson_id,
    make_date(CAST(target.year AS INT), month.number, 1) AS target_month, -- first day of the month
    CAST(1000 * CASE month.number
        WHEN 1 THEN target.m01
        WHEN 2 THEN target.m02
        WHEN 3 THEN target.m03
        WHEN 4 THEN target.m04
        WHEN 5 THEN target.m05
        WHEN 6 THEN target.m06
        WHEN 7 THEN target.m07
        WHEN 8 THEN target.m08
        WHEN 9 THEN target.m09
        WHEN 10 THEN target.m10
        WHEN 11 THEN target.m11
        WHEN 12 THEN target.m12
    END AS BIGINT) AS target_amount -- USD; the source counts thousands
FROM crm.reseller_targets AS target
JOIN hr.employees AS employee ON employee.national_id = target.national_id
CROSS JOIN (VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12)) AS month (number)
WHERE CASE month.number
    WHEN 1 THEN target.m01
    WHEN 2 THEN target.m02
    WHEN 3 THEN target.m03
    WHEN 4 THEN target.m04
    WHEN 5 THEN target.m05
    WHEN 6 THEN target.m06
    WHEN 7 THEN target.m07
    WHEN 8 THEN target.m08
    WHEN 9 THEN target.m09
    WHEN 10 THEN target.m10
    WHEN 11 THEN target.m11
    WHEN 12 THEN target.m12
END IS NOT NULL
