//! What is measured on every run, as rows of `twin.model_monitoring`.

/// One number that was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Measure {
    /// What it is about: `accuracy`, `coverage`, `drift`, `estimate`, `fairness`.
    pub family: &'static str,
    /// Its name, as rules use it: `psi`, `ks`, `mase`, `mase_ratio`, `coverage80`.
    pub metric: String,
    /// The feature it is about, or `*`.
    pub feature: String,
    /// The segment or group it is about, as `column=value`, or `*`.
    pub segment: String,
    /// Steps ahead it is about; none where it is about all.
    pub step: Option<i64>,
    /// The number; none where it could not be measured.
    pub value: Option<f64>,
    /// Lower bound of its interval.
    pub lower: Option<f64>,
    /// Upper bound of its interval.
    pub upper: Option<f64>,
    /// What it is compared with: the number in the backtest, or the training data.
    pub reference: Option<f64>,
    /// How many rows it is made from.
    pub rows: i64,
    /// Why it could not be measured, or what to know about it.
    pub note: Option<String>,
}

impl Measure {
    /// A number about everything.
    pub fn everywhere() -> Measure {
        Measure { feature: "*".into(), segment: "*".into(), ..Measure::default() }
    }
}
