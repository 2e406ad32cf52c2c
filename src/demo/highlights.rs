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
        title: "Why a target is what it is: from a shop assistant to new customers",
        sql: "SELECT employee_name, job_title, store_name, vice_president_name, target_id, target_value, depends_on, depends_on_value, depends_on_statement
FROM mart.employee_to_target
WHERE employee_id = 'E001002' AND target_year = 2026 AND target_quarter = 1
ORDER BY target_id",
        comment: "HR knows the managers, finance the targets, the CRM the customers: one row joins what no single system can.",
    },
    Highlight {
        title: "Next month's demand",
        sql: "SELECT region, category, period_start, round(sum(mean), 0) AS units, round(sum(lo80), 0) AS at_least, round(sum(hi80), 0) AS at_most
FROM mart.demand_forecast AS f
JOIN core.products AS p ON p.product_id = f.product_id
WHERE step = 1
GROUP BY region, category, period_start
ORDER BY units DESC
LIMIT 10",
        comment: "Forecast per product and region by whichever candidate won the backtest (twin.model_metrics), added up here to categories. The bounds are sums too, so they are wider than those of the sum.",
    },
    Highlight {
        title: "What to reorder now",
        sql: "SELECT warehouse_id, product_name, supplier, on_hand, on_order, lead_time_days, reorder_point, order_quantity, days_of_cover
FROM mart.reorder
WHERE order_quantity > 0
ORDER BY days_of_cover, order_quantity DESC, warehouse_id, product_name
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
