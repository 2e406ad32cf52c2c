//! Tail probabilities of the statistics that drift is judged by.

use super::super::distribution::gamma;

/// The probability that Kolmogorov's statistic exceeds `lambda`: `2 sum (-1)^(j-1) exp(-2 j^2 lambda^2)`, and below 1
/// its theta transform, which converges where that one does not. W. Feller, "On the Kolmogorov-Smirnov Limit Theorems
/// for Empirical Distributions", Annals of Mathematical Statistics 19 (1948), 177-189.
pub(super) fn kolmogorov(lambda: f64) -> f64 {
    if lambda <= 0.0 || lambda.is_nan() {
        return 1.0;
    }
    let tail = if lambda < 1.0 {
        let unit = std::f64::consts::PI.powi(2) / (8.0 * lambda * lambda);
        let sum: f64 = (0..8).map(|j| (-f64::from((2 * j + 1) * (2 * j + 1)) * unit).exp()).sum();
        1.0 - (2.0 * std::f64::consts::PI).sqrt() / lambda * sum
    } else {
        let term = |j: i32| (-2.0 * f64::from(j * j) * lambda * lambda).exp();
        2.0 * (1..=8).map(|j| if j % 2 == 1 { term(j) } else { -term(j) }).sum::<f64>()
    };
    tail.clamp(0.0, 1.0)
}

/// The probability that a chi-square variable of `freedom` degrees of freedom exceeds `x`; 1 where there are none.
pub(super) fn chi_square(x: f64, freedom: usize) -> f64 {
    if freedom == 0 || x <= 0.0 || x.is_nan() {
        return 1.0;
    }
    if x.is_infinite() {
        return 0.0;
    }
    gamma(freedom as f64 / 2.0, x / 2.0).above.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(ours: f64, theirs: f64) {
        assert!((ours - theirs).abs() <= 1e-12 * theirs.abs().max(1e-3), "{ours} is not {theirs}");
    }

    /// scipy 1.17.1: `scipy.special.kolmogorov`.
    #[test]
    fn kolmogorov_agrees_with_scipy() {
        for (x, p) in [
            (0.2, 0.999999999999495),
            (0.4, 0.9971923267772983),
            (0.7, 0.7112351950296893),
            (0.99, 0.2808738392255489),
            (1.0, 0.26999967167735456),
            (1.3, 0.06809222184476636),
            (1.8, 0.003067621347579706),
            (2.5, 7.453306344157342e-06),
        ] {
            near(kolmogorov(x), p);
        }
        assert_eq!((kolmogorov(0.0), kolmogorov(f64::NAN)), (1.0, 1.0));
    }

    /// scipy 1.17.1: `scipy.stats.chi2.sf`.
    #[test]
    fn chi_square_agrees_with_scipy() {
        for (x, freedom, p) in [
            (0.5, 1, 0.47950012218695337),
            (3.84, 1, 0.05004352124870519),
            (3.0, 5, 0.6999858358786276),
            (20.0, 9, 0.017912404529843298),
            (150.0, 9, 8.819629954805395e-28),
            (250.0, 255, 0.5766352636499277),
            (320.0, 255, 0.003534328375272907),
        ] {
            near(chi_square(x, freedom), p);
        }
        assert_eq!((chi_square(3.0, 0), chi_square(f64::INFINITY, 3)), (1.0, 0.0));
    }
}
