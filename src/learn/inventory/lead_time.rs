//! Demand over a lead time that is itself uncertain.

/// A mean and a variance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::learn) struct Moments {
    /// The mean.
    pub mean: f64,
    /// The variance, in units squared.
    pub variance: f64,
}

/// Of the demand over a lead time in periods, both random and independent of each other and from period to period:
/// `E(L) E(D)` and `E(L) Var(D) + E(D)^2 Var(L)`. Silver, Pyke and Peterson, "Inventory Management and Production
/// Planning and Scheduling" (1998), section 7.10.
pub(in crate::learn) fn moments(demand: Moments, lead_time: Moments) -> Moments {
    Moments {
        mean: lead_time.mean * demand.mean,
        variance: lead_time.mean * demand.variance + demand.mean * demand.mean * lead_time.variance,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: 4 periods of 5 with a variance of 9, and a lead time with a variance of 4.
    #[test]
    fn demand_and_lead_time_both_vary() {
        let of = |mean, variance| Moments { mean, variance };
        assert_eq!(moments(of(5.0, 9.0), of(4.0, 4.0)), of(20.0, 4.0 * 9.0 + 25.0 * 4.0));
        assert_eq!(moments(of(5.0, 9.0), of(4.0, 0.0)), of(20.0, 36.0));
    }
}
