//! What is learned of all series together, once per origin, on what was known then.

use serde::{Deserialize, Serialize};

use crate::error::Result;

use super::global::{Global, Net};
use super::member::Kind;
use super::panel::Panel;

/// What was learned from all series, per origin.
#[derive(Debug, Default)]
pub(super) struct Shared {
    net: Option<Global>,
}

/// What was learned from all series at the end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Lasting {
    /// The elastic net.
    net: Option<Net>,
}

impl Shared {
    /// Learns what is asked for.
    ///
    /// # Errors
    /// As [`Global::learn`].
    pub fn learn(panel: &Panel, origins: &[i64], horizon: usize, asked: &[Kind]) -> Result<Shared> {
        let net = match asked.contains(&Kind::ElasticNet) {
            true => Some(Global::learn(panel, origins, horizon)?),
            false => None,
        };
        Ok(Shared { net })
    }

    /// What comes after a history that ends before `period`; `place` is the series and the index of the origin.
    pub fn forecast(
        &self,
        kind: Kind,
        history: &[f64],
        place: (usize, usize),
        period: i64,
        horizon: usize,
    ) -> Option<Vec<f64>> {
        let (series, origin) = place;
        let (net, scale) = self.net.as_ref().filter(|_| kind == Kind::ElasticNet)?.net(series, origin)?;
        net.forecast(history, scale, period, horizon)
    }

    /// The scale the elastic net sees a series in.
    pub fn unit(&self, series: usize) -> Option<f64> {
        let net = self.net.as_ref()?;
        net.net(series, net.last_origin()).map(|(_, scale)| scale)
    }

    /// What predictions need.
    pub fn lasting(&self) -> Lasting {
        Lasting { net: self.net.as_ref().and_then(Global::last).cloned() }
    }
}

impl Lasting {
    /// What comes after a history that ends before `period`; `unit` is the scale that the elastic net sees it in.
    pub fn forecast(
        &self,
        kind: Kind,
        history: &[f64],
        unit: Option<f64>,
        period: i64,
        horizon: usize,
    ) -> Option<Vec<f64>> {
        self.net.as_ref().filter(|_| kind == Kind::ElasticNet)?.forecast(history, unit?, period, horizon)
    }
}
