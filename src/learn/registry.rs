//! The versions of one model, as a binding knows them: `twin.models` and `twin.model_history`.
//!
//! Both tables only grow. A version's row says what it learned and never changes; its status is the newest row of its
//! history. Whoever asks a past binding sees the versions and statuses of that time.

use std::collections::BTreeMap;

use crate::engine::{Engine, Use};
use crate::error::Result;
use crate::ids::RelationName;
use crate::lake::Binding;
use crate::lake::system::{ModelHistoryRow, ModelRow, SystemRow};

/// What a version is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It was learned, and did not pass the rules of acceptance.
    Candidate,
    /// It predicts.
    Champion,
    /// It passed the rules, and waits for somebody to promote it.
    Challenger,
    /// Another took its place.
    Retired,
}

impl Status {
    /// Its name in `twin.model_history`.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Candidate => "candidate",
            Status::Champion => "champion",
            Status::Challenger => "challenger",
            Status::Retired => "retired",
        }
    }

    fn parse(text: &str) -> Status {
        match text {
            "champion" => Status::Champion,
            "challenger" => Status::Challenger,
            "retired" => Status::Retired,
            // What a later version of Twinlake may write is nothing to predict with.
            _ => Status::Candidate,
        }
    }
}

/// The versions of one model.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    /// In the order of their numbers. Only the champion, and a version that was asked for, have their parameters.
    pub versions: Vec<ModelRow>,
    /// What became of them, oldest first.
    pub history: Vec<ModelHistoryRow>,
    statuses: BTreeMap<i64, Status>,
}

impl Registry {
    /// What a binding knows of `model`; `asked` is a version whose parameters are needed besides the champion's.
    ///
    /// # Errors
    /// When the tables cannot be read.
    pub async fn read(
        engine: &Engine,
        binding: &Binding,
        model: &RelationName,
        asked: Option<i64>,
    ) -> Result<Registry> {
        if binding.get(&ModelRow::name()).is_none() {
            return Ok(Registry::default());
        }
        let session = engine.session(binding.clone(), chrono::DateTime::UNIX_EPOCH, Use::Compute);
        let (mut statuses, mut history) = (BTreeMap::new(), Vec::new());
        let sql = format!(
            "SELECT {} FROM {} WHERE relation = '{model}' ORDER BY run_id, version",
            names::<ModelHistoryRow>(&[]),
            ModelHistoryRow::name()
        );
        for batch in session.collect(&sql).await? {
            for row in ModelHistoryRow::rows(&batch)? {
                statuses.insert(row.version, Status::parse(&row.status));
                history.push(row);
            }
        }
        let champion = statuses.iter().find(|(_, status)| **status == Status::Champion);
        let wanted: Vec<String> =
            champion.map(|(version, _)| *version).into_iter().chain(asked).map(|v| v.to_string()).collect();
        let parameters = match wanted.is_empty() {
            true => "'' AS parameters".to_string(),
            false => format!(
                "CASE WHEN version IN ({}) THEN parameters ELSE '' END AS parameters",
                wanted.join(", ")
            ),
        };
        let sql = format!(
            "SELECT {}, {parameters} FROM {} WHERE relation = '{model}' ORDER BY version",
            names::<ModelRow>(&["parameters"]),
            ModelRow::name()
        );
        let mut versions = Vec::new();
        for batch in session.collect(&sql).await? {
            versions.extend(ModelRow::rows(&batch)?);
        }
        Ok(Registry { versions, history, statuses })
    }

    /// The version that predicts.
    pub fn champion(&self) -> Option<&ModelRow> {
        self.versions.iter().find(|row| self.status(row.version) == Some(Status::Champion))
    }

    /// A version.
    pub fn version(&self, version: i64) -> Option<&ModelRow> {
        self.versions.iter().find(|row| row.version == version)
    }

    /// What a version is.
    pub fn status(&self, version: i64) -> Option<Status> {
        self.statuses.get(&version).copied()
    }

    /// The number of the next version.
    pub(super) fn next(&self) -> i64 {
        self.versions.iter().map(|row| row.version).max().unwrap_or(0) + 1
    }

    /// When its versions were learned.
    pub(super) fn trainings(&self) -> Vec<i64> {
        self.versions.iter().map(|row| row.trained_at).collect()
    }
}

fn names<R: SystemRow>(without: &[&str]) -> String {
    let columns = R::columns().into_iter().map(|(name, _, _)| name).filter(|name| !without.contains(name));
    columns.map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}
