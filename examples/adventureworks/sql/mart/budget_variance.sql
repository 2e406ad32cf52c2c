/*+++
materialize = "table"
owner = "controlling"
grain = ["ledger_month", "organization_key", "department_group_key", "account_key"]
checks = [
    { references = "finance.accounts", via = ["account_key"] },
    { references = "finance.organizations", via = ["organization_key"] },
]
+++*/
-- Actual against budget, for the twelve months that were budgeted (2010-12 to 2011-11). The ledger is posted at the end of a month,
-- now and then a day into the next, so an entry belongs to the month five days before it.
WITH posted AS (
    SELECT
        CAST(date_trunc('month', entry.posting_date - INTERVAL '5 days') AS DATE) AS ledger_month,
        entry.organization_key,
        entry.department_group_key,
        entry.account_key,
        sum(CASE WHEN scenario.name = 'Actual' THEN entry.amount END) AS actual_amount,
        sum(CASE WHEN scenario.name = 'Budget' THEN entry.amount END) AS budget_amount
    FROM finance.ledger AS entry
    JOIN finance.scenarios AS scenario ON scenario.scenario_key = entry.scenario_key
    GROUP BY CAST(date_trunc('month', entry.posting_date - INTERVAL '5 days') AS DATE), entry.organization_key, entry.department_group_key, entry.account_key
),
budgeted AS (
    SELECT DISTINCT ledger_month FROM posted WHERE budget_amount IS NOT NULL
)
SELECT
    posted.ledger_month, -- first day of the month
    posted.organization_key,
    organization.name AS organization,
    posted.department_group_key,
    department.name AS department_group,
    posted.account_key,
    account.name AS account,
    account.account_type, -- Revenue, Expenditures, Assets ...
    posted.actual_amount, -- USD; null where nothing was posted
    posted.budget_amount, -- USD; null where nothing was budgeted
    coalesce(posted.actual_amount, 0) - coalesce(posted.budget_amount, 0) AS variance, -- USD above the budget
    CASE WHEN posted.budget_amount <> 0
        THEN (CAST(coalesce(posted.actual_amount, 0) AS DOUBLE) - CAST(posted.budget_amount AS DOUBLE)) / abs(CAST(posted.budget_amount AS DOUBLE))
    END AS variance_ratio -- 0.1 is ten per cent above the budget
FROM posted
JOIN budgeted ON budgeted.ledger_month = posted.ledger_month
JOIN finance.organizations AS organization ON organization.organization_key = posted.organization_key
JOIN finance.department_groups AS department ON department.department_group_key = posted.department_group_key
JOIN finance.accounts AS account ON account.account_key = posted.account_key
