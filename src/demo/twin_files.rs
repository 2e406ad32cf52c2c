//! The demo twin's declarations, as they stand at the package's root, so that an installed binary carries them.

/// Every declaration file: its path in the twin, its text.
pub const TWIN_FILES: &[(&str, &str)] = &[
    ("pipelines/models/compliance_risk.toml", include_str!("../../pipelines/models/compliance_risk.toml")),
    (
        "pipelines/models/delivery_model_watch.toml",
        include_str!("../../pipelines/models/delivery_model_watch.toml"),
    ),
    ("pipelines/models/demand_forecast.toml", include_str!("../../pipelines/models/demand_forecast.toml")),
    (
        "pipelines/models/fraud_model_watch.toml",
        include_str!("../../pipelines/models/fraud_model_watch.toml"),
    ),
    ("pipelines/models/late_delivery.toml", include_str!("../../pipelines/models/late_delivery.toml")),
    ("pipelines/models/reorder.toml", include_str!("../../pipelines/models/reorder.toml")),
    (
        "pipelines/models/workload_forecast.toml",
        include_str!("../../pipelines/models/workload_forecast.toml"),
    ),
    ("pipelines/sources/compliance.toml", include_str!("../../pipelines/sources/compliance.toml")),
    ("pipelines/sources/crm.toml", include_str!("../../pipelines/sources/crm.toml")),
    ("pipelines/sources/erp.toml", include_str!("../../pipelines/sources/erp.toml")),
    ("pipelines/sources/finance.toml", include_str!("../../pipelines/sources/finance.toml")),
    ("pipelines/sources/hr.toml", include_str!("../../pipelines/sources/hr.toml")),
    ("pipelines/sources/market.toml", include_str!("../../pipelines/sources/market.toml")),
    ("pipelines/sources/scoring.toml", include_str!("../../pipelines/sources/scoring.toml")),
    ("pipelines/sources/weather.toml", include_str!("../../pipelines/sources/weather.toml")),
    ("sql/core/budget.sql", include_str!("../../sql/core/budget.sql")),
    ("sql/core/deliveries.sql", include_str!("../../sql/core/deliveries.sql")),
    ("sql/core/employees.sql", include_str!("../../sql/core/employees.sql")),
    ("sql/core/exchange_rates.sql", include_str!("../../sql/core/exchange_rates.sql")),
    ("sql/core/management_chain.sql", include_str!("../../sql/core/management_chain.sql")),
    ("sql/core/products.sql", include_str!("../../sql/core/products.sql")),
    ("sql/core/sales.sql", include_str!("../../sql/core/sales.sql")),
    ("sql/core/stores.sql", include_str!("../../sql/core/stores.sql")),
    ("sql/core/targets.sql", include_str!("../../sql/core/targets.sql")),
    ("sql/graph/leads.sql", include_str!("../../sql/graph/leads.sql")),
    ("sql/graph/owns_target.sql", include_str!("../../sql/graph/owns_target.sql")),
    ("sql/graph/reports_to.sql", include_str!("../../sql/graph/reports_to.sql")),
    ("sql/graph/served_by.sql", include_str!("../../sql/graph/served_by.sql")),
    ("sql/graph/stocks.sql", include_str!("../../sql/graph/stocks.sql")),
    ("sql/graph/supplies.sql", include_str!("../../sql/graph/supplies.sql")),
    ("sql/graph/target_depends_on.sql", include_str!("../../sql/graph/target_depends_on.sql")),
    ("sql/graph/target_part_of.sql", include_str!("../../sql/graph/target_part_of.sql")),
    ("sql/graph/won_by.sql", include_str!("../../sql/graph/won_by.sql")),
    ("sql/graph/works_at.sql", include_str!("../../sql/graph/works_at.sql")),
    ("sql/graph/works_in.sql", include_str!("../../sql/graph/works_in.sql")),
    ("sql/mart/budget_actual.sql", include_str!("../../sql/mart/budget_actual.sql")),
    ("sql/mart/customer_acquisition.sql", include_str!("../../sql/mart/customer_acquisition.sql")),
    ("sql/mart/employee_to_target.sql", include_str!("../../sql/mart/employee_to_target.sql")),
    ("sql/mart/inventory_position.sql", include_str!("../../sql/mart/inventory_position.sql")),
    ("sql/mart/ledger_reconciliation.sql", include_str!("../../sql/mart/ledger_reconciliation.sql")),
    ("sql/mart/reorder_items.sql", include_str!("../../sql/mart/reorder_items.sql")),
    ("sql/mart/sales_daily.sql", include_str!("../../sql/mart/sales_daily.sql")),
    ("sql/mart/sales_monthly.sql", include_str!("../../sql/mart/sales_monthly.sql")),
    ("sql/mart/staffing_gap.sql", include_str!("../../sql/mart/staffing_gap.sql")),
    ("sql/mart/supplier_lead_time.sql", include_str!("../../sql/mart/supplier_lead_time.sql")),
    ("sql/mart/target_progress.sql", include_str!("../../sql/mart/target_progress.sql")),
    ("sql/mart/workload_weekly.sql", include_str!("../../sql/mart/workload_weekly.sql")),
    ("twin.toml", include_str!("../../twin.toml")),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::TWIN_FILES;

    #[test]
    fn no_declaration_is_missing() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found = BTreeSet::from(["twin.toml".to_string()]);
        let mut folders = vec![root.join("pipelines"), root.join("sql")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let path = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
                    found.insert(path);
                }
            }
        }
        let listed: BTreeSet<String> = TWIN_FILES.iter().map(|(path, _)| path.to_string()).collect();
        assert_eq!(listed, found, "src/demo/twin_files.rs lists the files of pipelines/ and sql/");
    }
}
