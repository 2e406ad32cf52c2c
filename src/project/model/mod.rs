//! `pipelines/models/*.toml`: what to learn, from which query, and the table the predictions land in.

mod forecast;
mod lifecycle;
mod roles;
mod stock;
mod tabular;

use schemars::JsonSchema;
use serde::Deserialize;

use super::check::CheckDecl;

pub use forecast::{Analogue, Fill, ForecastDecl, Frequency, Reconcile, Regressors};
pub use lifecycle::{AcceptDecl, MonitorDecl, RetrainDecl, Start};
pub use roles::{REORDER_COLUMNS, REORDER_OPTIONAL, Role};
pub use stock::{DemandForm, ElasticityDecl, ReorderDecl};
pub use tabular::{
    AnomalyDecl, ClusterDecl, ClusterMethod, Costs, OutsideDecl, RecommendDecl, RecommendFor, TabularDecl,
};

/// One file of `pipelines/models/`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelDecl {
    /// The relation the predictions land in: `schema.table`.
    pub name: String,
    /// What is predicted, for whom.
    #[serde(default)]
    pub description: String,
    /// Who answers for it.
    #[serde(default)]
    pub owner: String,
    /// The seed of everything random in it.
    #[serde(default)]
    pub seed: u64,
    /// What the model does; the table of the same name holds the settings.
    pub kind: ModelKind,
    /// Settings of a forecast.
    pub forecast: Option<ForecastDecl>,
    /// Settings of a classification: the probability of a yes.
    pub classify: Option<TabularDecl>,
    /// Settings of a regression: a number.
    pub regress: Option<TabularDecl>,
    /// Settings of recommendations.
    pub recommend: Option<RecommendDecl>,
    /// Settings of a segmentation.
    pub cluster: Option<ClusterDecl>,
    /// Settings of a search for anomalies.
    pub anomaly: Option<AnomalyDecl>,
    /// Settings of a reorder recommendation.
    pub reorder: Option<ReorderDecl>,
    /// Settings of an estimate of price elasticities.
    pub elasticity: Option<ElasticityDecl>,
    /// Settings of the monitoring of a model that is not Twinlake's.
    pub outside: Option<OutsideDecl>,
    /// What a new version must show before it takes the place of the one before.
    #[serde(default)]
    pub accept: AcceptDecl,
    /// When a new version is learned; at every refresh unless given.
    pub retrain: Option<RetrainDecl>,
    /// What is watched, and by which groups.
    #[serde(default)]
    pub monitor: MonitorDecl,
    /// Checks on the predictions.
    #[serde(default)]
    pub checks: Vec<CheckDecl>,
}

/// What a model does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// One row per series and future step, with intervals.
    Forecast,
    /// One row per key: a probability, a decision at the threshold of least cost, and reasons.
    Classify,
    /// One row per key: a number, its interval, and reasons.
    Regress,
    /// The best items for every user, or the items most like every item.
    Recommend,
    /// One row per key: the segment it belongs to.
    Cluster,
    /// One row per key: how unusual it is, and why.
    Anomaly,
    /// One row per item: how much to order now, and the numbers behind it.
    Reorder,
    /// One row per item: how demand answers to price.
    Elasticity,
    /// One row per model that is not Twinlake's, and window of time: how good it was, how far it drifted, when it must be retrained.
    Outside,
}

impl ModelKind {
    /// All kinds.
    pub const ALL: [ModelKind; 9] = [
        ModelKind::Forecast,
        ModelKind::Classify,
        ModelKind::Regress,
        ModelKind::Recommend,
        ModelKind::Cluster,
        ModelKind::Anomaly,
        ModelKind::Reorder,
        ModelKind::Elasticity,
        ModelKind::Outside,
    ];

    /// Its name in declarations, which is also that of the table with its settings.
    pub fn as_str(self) -> &'static str {
        match self {
            ModelKind::Forecast => "forecast",
            ModelKind::Classify => "classify",
            ModelKind::Regress => "regress",
            ModelKind::Recommend => "recommend",
            ModelKind::Cluster => "cluster",
            ModelKind::Anomaly => "anomaly",
            ModelKind::Reorder => "reorder",
            ModelKind::Elasticity => "elasticity",
            ModelKind::Outside => "outside",
        }
    }

    /// Whether it keeps what it learned as a version in `twin.models`. The others compute everything anew.
    pub fn has_versions(self) -> bool {
        match self {
            ModelKind::Forecast
            | ModelKind::Classify
            | ModelKind::Regress
            | ModelKind::Recommend
            | ModelKind::Cluster
            | ModelKind::Anomaly => true,
            ModelKind::Reorder | ModelKind::Elasticity | ModelKind::Outside => false,
        }
    }
}

impl ModelDecl {
    /// Whether the table of settings of a kind is there.
    pub fn has(&self, kind: ModelKind) -> bool {
        self.query_of(kind).is_some()
    }

    /// The query of the rows the model learns from; none where the settings of its kind are missing.
    pub fn sql(&self) -> Option<&str> {
        self.query_of(self.kind)
    }

    fn query_of(&self, kind: ModelKind) -> Option<&str> {
        match kind {
            ModelKind::Forecast => self.forecast.as_ref().map(|settings| settings.sql.as_str()),
            ModelKind::Classify => self.classify.as_ref().map(|settings| settings.sql.as_str()),
            ModelKind::Regress => self.regress.as_ref().map(|settings| settings.sql.as_str()),
            ModelKind::Recommend => self.recommend.as_ref().map(|settings| settings.sql.as_str()),
            ModelKind::Cluster => self.cluster.as_ref().map(|settings| settings.sql.as_str()),
            ModelKind::Anomaly => self.anomaly.as_ref().map(|settings| settings.sql.as_str()),
            ModelKind::Reorder => self.reorder.as_ref().map(|settings| settings.sql.as_str()),
            ModelKind::Elasticity => self.elasticity.as_ref().map(|settings| settings.sql.as_str()),
            ModelKind::Outside => self.outside.as_ref().map(|settings| settings.sql.as_str()),
        }
    }

    /// All its queries, each with the key it stands under: that of the rows, then those of regressors.
    pub fn queries(&self) -> Vec<(String, &str)> {
        let mut queries: Vec<(String, &str)> =
            self.sql().map(|sql| (format!("{}.sql", self.kind.as_str()), sql)).into_iter().collect();
        if let (ModelKind::Forecast, Some(forecast)) = (self.kind, &self.forecast) {
            let regressors = forecast.regressors.iter().enumerate();
            queries.extend(
                regressors
                    .map(|(place, other)| (format!("forecast.regressors.{place}.sql"), other.sql.as_str())),
            );
        }
        queries
    }
}
