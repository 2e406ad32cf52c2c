//! Demand over a lead time that is itself uncertain.

use crate::error::{Error, ErrorKind, Result};

use super::LeadTimeDemand;

/// The largest demand over the longest lead time of which every value gets a probability.
const MAX_SUPPORT: usize = 100_000;
/// Multiplications a convolution may take: some seconds.
const MAX_WORK: f64 = 5e9;

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

/// The exact distribution of the demand over a lead time: `demand` holds the probabilities of 0, 1, 2 and so on units
/// in one period, `lead_times` lengths in whole periods with their weights, such as how often each was seen.
///
/// # Errors
/// [`ErrorKind::Model`] for weights or probabilities that are negative, not finite or all zero, and where the demand or
/// the lead time is too large for it.
pub(in crate::learn) fn convolved(demand: &[f64], lead_times: &[(usize, f64)]) -> Result<LeadTimeDemand> {
    let wrong = |message: &str| Error::new(ErrorKind::Model, message);
    let total = |weights: &mut dyn Iterator<Item = f64>| {
        let (mut sum, mut sound) = (0.0, true);
        for weight in weights {
            sound &= weight >= 0.0;
            sum += weight;
        }
        (sound && sum > 0.0 && f64::is_finite(sum)).then_some(sum)
    };
    let of_demand = total(&mut demand.iter().copied())
        .ok_or_else(|| wrong("the probabilities of demand are not those of a distribution"))?;
    let of_lead = total(&mut lead_times.iter().map(|(_, weight)| *weight))
        .ok_or_else(|| wrong("the weights of lead times are not those of a distribution"))?;
    let mut lengths: Vec<(usize, f64)> =
        lead_times.iter().copied().filter(|(_, weight)| *weight > 0.0).collect();
    lengths.sort_by(|left, right| left.0.cmp(&right.0).then(left.1.total_cmp(&right.1)));
    let longest = lengths.last().map_or(0, |(length, _)| *length);
    let largest = demand.iter().rposition(|probability| *probability > 0.0).unwrap_or(0);
    let support = largest.saturating_mul(longest);
    let work = 0.5 * support as f64 * longest as f64 * largest as f64;
    if support > MAX_SUPPORT || work > MAX_WORK || longest > MAX_SUPPORT {
        return Err(wrong("the demand over the lead time has too many values for an exact distribution")
            .with_hint("Count demand in packs, or use the mean and variance with a gamma distribution."));
    }
    let one: Vec<f64> = demand[..=largest].iter().map(|probability| probability / of_demand).collect();
    let mut mixed = vec![0.0; support + 1];
    let mut so_far = vec![1.0];
    let mut periods = 0;
    for (length, weight) in lengths {
        while periods < length {
            let mut next = vec![0.0; so_far.len() + largest];
            for (count, probability) in
                so_far.iter().enumerate().filter(|(_, probability)| **probability > 0.0)
            {
                for (sum, more) in next[count..].iter_mut().zip(&one) {
                    *sum += probability * more;
                }
            }
            so_far = next;
            periods += 1;
        }
        for (sum, probability) in mixed.iter_mut().zip(&so_far) {
            *sum += weight / of_lead * probability;
        }
    }
    LeadTimeDemand::lattice(mixed).ok_or_else(|| wrong("the demand over the lead time has no distribution"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: one period with 0.6, two with 0.4, of a coin for one unit.
    #[test]
    fn a_mixture_of_convolutions() {
        let demand = convolved(&[0.5, 0.5], &[(2, 4.0), (1, 6.0)]).unwrap();
        assert_eq!(demand, LeadTimeDemand::lattice(vec![0.4, 0.5, 0.1]).unwrap());
    }

    #[test]
    fn its_moments_are_those_of_the_formula() {
        let per_period = [0.3, 0.1, 0.4, 0.0, 0.2];
        let one = LeadTimeDemand::lattice(per_period.to_vec()).unwrap();
        let lead = LeadTimeDemand::lattice(vec![0.1, 0.0, 0.5, 0.3, 0.0, 0.1]).unwrap();
        let of = |demand: &LeadTimeDemand| Moments { mean: demand.mean(), variance: demand.variance() };
        let expected = moments(of(&one), of(&lead));
        let exact = convolved(&per_period, &[(0, 1.0), (2, 5.0), (3, 3.0), (5, 1.0)]).unwrap();
        assert!((exact.mean() - expected.mean).abs() < 1e-12);
        assert!((exact.variance() - expected.variance).abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_is_an_error() {
        assert!(convolved(&[], &[(1, 1.0)]).is_err() && convolved(&[1.0], &[]).is_err());
        assert!(
            convolved(&[1.0, -0.1], &[(1, 1.0)]).is_err() && convolved(&[1.0], &[(1, f64::NAN)]).is_err()
        );
        assert!(convolved(&[0.5; 20_000], &[(9, 1.0)]).is_err());
        assert!(convolved(&[0.5; 2], &[(usize::MAX, 1.0)]).is_err());
        assert_eq!(convolved(&[0.5; 2], &[(0, 1.0)]).unwrap().mean(), 0.0);
    }
}
