//! What to show of the demo twin after its run.

/// One thing worth seeing.
#[derive(Clone, Copy, Debug)]
pub struct Highlight {
    /// A short title.
    pub title: &'static str,
    /// The question, as one SELECT over the published twin.
    pub sql: &'static str,
    /// What to notice in the answer.
    pub comment: &'static str,
}

/// What `twinlake demo` shows, in this order. Every statement reads published relations only and says how its rows are ordered.
pub fn highlights() -> &'static [Highlight] {
    HIGHLIGHTS
}

const HIGHLIGHTS: &[Highlight] = &[
    Highlight {
        title: "Every row is accounted for",
        sql: "SELECT relation, count(*) AS slices, sum(rows_read) AS read, sum(rows_landed) AS landed,
       sum(rows_unchanged) AS unchanged, sum(rows_rejected) AS rejected
FROM twin.slices
GROUP BY relation
ORDER BY relation",
        comment: "Read = landed + unchanged + rejected, in every slice. What was rejected lies in twin.rejects with its raw record and the reason.",
    },
    Highlight {
        title: "From a shop assistant to the company's target, and what it hangs on",
        sql: "WITH chain AS (
    SELECT employee_id, managers_between, target_id, target_value, unit, target_statement, depends_on, depends_on_statement
    FROM mart.employee_to_target
    WHERE employee_id = 'E001002' AND target_year = 2026 AND target_quarter = 1 AND metric = 'revenue'
)
SELECT link, what
FROM (
    SELECT 0 AS step, 'employee' AS link, e.name || ', ' || e.job_title AS what
    FROM chain AS c
    JOIN core.employees AS e ON e.employee_id = c.employee_id
    UNION ALL
    SELECT m.step, 'reports to' AS link, e.name || ', ' || e.job_title AS what
    FROM chain AS c
    JOIN core.management_chain AS m ON m.employee_id = c.employee_id AND m.step <= c.managers_between
    JOIN core.employees AS e ON e.employee_id = m.manager_id
    UNION ALL
    SELECT 21 AS step, 'who promised' AS link, target_id || ': ' || target_statement AS what FROM chain
    UNION ALL
    SELECT 22 AS step, 'which depends on' AS link, depends_on || ': ' || depends_on_statement AS what FROM chain
)
ORDER BY step",
        comment: "HR knows the managers, the ERP the shops, finance the targets and the CRM the customers: no single system can answer this.",
    },
    Highlight {
        title: "Next month's demand",
        sql: "SELECT f.region, p.category, f.period_start AS month, round(sum(f.mean), 0) AS units, round(sum(f.lo80), 0) AS at_least, round(sum(f.hi80), 0) AS at_most
FROM mart.demand_forecast AS f
JOIN core.products AS p ON p.product_id = f.product_id
WHERE f.step = 1
GROUP BY f.region, p.category, f.period_start
ORDER BY units DESC, region, category
LIMIT 10",
        comment: "Forecast per product and region by whichever candidate won the backtest (twin.model_metrics), added up here to categories. The bounds are sums too, so they are wider than those of the sum.",
    },
    Highlight {
        title: "What to reorder now",
        sql: "SELECT r.warehouse_id, p.name AS product, r.supplier, r.on_hand, r.on_order, round(r.lead_time_days, 1) AS lead_time_days,
       round(r.reorder_point, 1) AS reorder_point, r.order_quantity, round(r.days_of_cover, 1) AS days_left
FROM mart.reorder AS r
JOIN core.products AS p ON p.product_id = r.product_id
WHERE r.order_quantity > 0
ORDER BY r.days_of_cover, r.order_quantity DESC, r.warehouse_id, r.product_id
LIMIT 10",
        comment: "The lead time is the one suppliers keep, not the one they promise. Each row holds the numbers behind its quantity.",
    },
    Highlight {
        title: "Budget against actual, last quarter",
        sql: "SELECT region, round(sum(budget_eur), 0) AS budget_eur, round(sum(actual_eur), 0) AS actual_eur,
       round(100.0 * sum(actual_eur) / sum(budget_eur) - 100.0, 1) AS difference_percent
FROM mart.budget_actual
WHERE month >= DATE '2025-10-01'
GROUP BY region
ORDER BY region",
        comment: "The tills of five countries in three currencies and euros, against the controllers' spreadsheet.",
    },
];

/// What to type next: plain lines, commands first.
pub const NEXT_STEPS: &[&str] = &[
    "twinlake sql \"SELECT * FROM twin.rejects LIMIT 20\"        what was rejected, and why",
    "twinlake sql \"SELECT * FROM mart.sales_monthly LIMIT 20\"  ask anything",
    "twinlake lineage mart.reorder                             where a recommendation comes from",
    "twinlake run                                              nothing changed, so nothing runs",
    "twinlake plan --full                                      what a run from scratch would do",
];
