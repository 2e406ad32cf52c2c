//! The quantile function of the normal distribution.

// The coefficients keep the digits they were published with.
#![allow(clippy::excessive_precision)]

/// The inverse of the standard normal distribution function, to about 1 part in 10^16.
///
/// M. J. Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution", Applied Statistics 37 (1988),
/// 477-484, routine PPND16. Minus and plus infinity at 0 and 1, NaN outside.
pub(super) fn quantile(probability: f64) -> f64 {
    let q = probability - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180625 - q * q;
        return q * ratio(r, &CENTRE_OVER, &CENTRE_UNDER);
    }
    let tail = if q < 0.0 { probability } else { 1.0 - probability };
    if tail < 0.0 || tail.is_nan() {
        return f64::NAN;
    }
    if tail == 0.0 {
        return f64::INFINITY.copysign(q);
    }
    let r = (-tail.ln()).sqrt();
    let z = if r <= 5.0 {
        ratio(r - 1.6, &MIDDLE_OVER, &MIDDLE_UNDER)
    } else {
        ratio(r - 5.0, &FAR_OVER, &FAR_UNDER)
    };
    z.copysign(q)
}

/// A ratio of polynomials; the denominator's constant term is 1.
fn ratio(r: f64, over: &[f64; 8], under: &[f64; 7]) -> f64 {
    let over = over.iter().rev().fold(0.0, |sum, c| sum * r + c);
    let under = under.iter().rev().fold(0.0, |sum, c| sum * r + c) * r + 1.0;
    over / under
}

const CENTRE_OVER: [f64; 8] = [
    3.387_132_872_796_366_608,
    1.331_416_678_917_843_774_5e2,
    1.971_590_950_306_551_442_7e3,
    1.373_169_376_550_946_112_5e4,
    4.592_195_393_154_987_145_7e4,
    6.726_577_092_700_870_085_3e4,
    3.343_057_558_358_812_810_5e4,
    2.509_080_928_730_122_672_7e3,
];
const CENTRE_UNDER: [f64; 7] = [
    4.231_333_070_160_091_125_2e1,
    6.871_870_074_920_579_083e2,
    5.394_196_021_424_751_107_7e3,
    2.121_379_430_158_659_586_7e4,
    3.930_789_580_009_271_061e4,
    2.872_908_573_572_194_267_4e4,
    5.226_495_278_852_854_561e3,
];
const MIDDLE_OVER: [f64; 8] = [
    1.423_437_110_749_683_577_34,
    4.630_337_846_156_545_295_9,
    5.769_497_221_460_691_405_5,
    3.647_848_324_763_204_605_04,
    1.270_458_252_452_368_382_58,
    2.417_807_251_774_506_117_7e-1,
    2.272_384_498_926_918_458_33e-2,
    7.745_450_142_783_414_076_4e-4,
];
const MIDDLE_UNDER: [f64; 7] = [
    2.053_191_626_637_758_821_87,
    1.676_384_830_183_803_849_4,
    6.897_673_349_851_000_045_5e-1,
    1.481_039_764_274_800_745_9e-1,
    1.519_866_656_361_645_719_66e-2,
    5.475_938_084_995_344_946e-4,
    1.050_750_071_644_416_843_24e-9,
];
const FAR_OVER: [f64; 8] = [
    6.657_904_643_501_103_777_2,
    5.463_784_911_164_114_369_9,
    1.784_826_539_917_291_335_8,
    2.965_605_718_285_048_912_3e-1,
    2.653_218_952_657_612_309_3e-2,
    1.242_660_947_388_078_438_6e-3,
    2.711_555_568_743_487_578_15e-5,
    2.010_334_399_292_288_132_65e-7,
];
const FAR_UNDER: [f64; 7] = [
    5.998_322_065_558_879_376_9e-1,
    1.369_298_809_227_358_053_1e-1,
    1.487_536_129_085_061_485_25e-2,
    7.868_691_311_456_132_591e-4,
    1.846_318_317_510_054_681_8e-5,
    1.421_511_758_316_445_888_7e-7,
    2.044_263_103_389_939_785_64e-15,
];

#[cfg(test)]
mod tests {
    use super::quantile;

    /// scipy 1.17.1: `scipy.stats.norm.ppf`.
    #[test]
    fn agrees_with_scipy() {
        for (p, z) in [
            (1e-300, -37.0470962993612),
            (1e-12, -7.034483825301131),
            (0.001, -3.090232306167813),
            (0.025, -1.9599639845400545),
            (0.05, -1.6448536269514729),
            (0.075, -1.4395314709384563),
            (0.25, -0.6744897501960817),
            (0.4, -0.2533471031357997),
            (0.6, 0.2533471031357997),
            (0.8, 0.8416212335729143),
            (0.9, 1.2815515655446004),
            (0.925, 1.4395314709384563),
            (0.95, 1.6448536269514722),
            (0.975, 1.959963984540054),
            (0.99, 2.3263478740408408),
            (0.999, 3.090232306167813),
            (0.999999, 4.753424308817087),
        ] {
            let ours = quantile(p);
            assert!((ours - z).abs() <= 1e-14 * z.abs().max(1.0), "{p}: {ours} is not {z}");
        }
    }

    #[test]
    fn the_ends_and_beyond() {
        assert_eq!(quantile(0.0), f64::NEG_INFINITY);
        assert_eq!(quantile(1.0), f64::INFINITY);
        assert_eq!(quantile(0.5), 0.0);
        assert!(quantile(-0.1).is_nan() && quantile(1.1).is_nan() && quantile(f64::NAN).is_nan());
    }
}
