//! Sums that do not depend on the order of their terms.
//!
//! Floating-point addition rounds, so a total over regions and one over products differ in the last bits. Terms that
//! are whole multiples of one power of two, and small enough beside it, are added without rounding at all (D. Goldberg,
//! "What Every Computer Scientist Should Know about Floating-Point Arithmetic", ACM Computing Surveys 23 (1991), 5-48).
//! Moving the terms to such a grid changes them by less than the sum of all would be rounded by anyway.

/// Rounds the values to a grid on which every sum of any of them, in any order, is exact. Returns `false`, and changes
/// nothing, where there is none: a value is not finite or the sum of all would not be.
pub(super) fn to_grid(values: &mut [f64]) -> bool {
    let sum: f64 = values.iter().map(|value| value.abs()).sum();
    // The margin covers the rounding of this very sum and that of the values.
    let bound = sum * 1.001;
    if !bound.is_finite() || bound > f64::MAX / 4.0 {
        return false;
    }
    // Below this, the numbers themselves are the grid.
    if bound < f64::MIN_POSITIVE * 2f64.powi(60) {
        if bound > 0.0 {
            values.iter_mut().for_each(|value| *value = 0.0);
        }
        return true;
    }
    // The power of two above the bound, whose exponent is in the bits.
    let above = f64::from_bits((bound.to_bits() & !((1 << 52) - 1)) + (1 << 52));
    let grid = above / 2f64.powi(52);
    for value in values {
        *value = (*value / grid).round_ties_even() * grid;
        // Minus zero plus zero is zero: a sum of nothing else would differ by its sign.
        *value += 0.0;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_order_and_any_grouping_give_the_same_bits(
            mut values in prop::collection::vec(-1e9f64..1e9, 1..60), small in 1e-6f64..1.0, cut in 0usize..60,
        ) {
            for (index, value) in values.iter_mut().enumerate() {
                if index % 3 == 0 { *value *= small * 1e-6; }
            }
            let before = values.clone();
            prop_assert!(to_grid(&mut values));
            let size: f64 = before.iter().map(|value| value.abs()).sum();
            for (new, old) in values.iter().zip(&before) {
                prop_assert!((new - old).abs() <= size * 2.3e-16);
            }
            let forwards: f64 = values.iter().sum();
            let backwards: f64 = values.iter().rev().sum();
            let (left, right) = values.split_at(cut.min(values.len()));
            let halves = left.iter().sum::<f64>() + right.iter().sum::<f64>();
            prop_assert_eq!((forwards + 0.0).to_bits(), (backwards + 0.0).to_bits());
            prop_assert_eq!((forwards + 0.0).to_bits(), (halves + 0.0).to_bits());
            let again = values.clone();
            to_grid(&mut values);
            prop_assert_eq!(again, values);
        }
    }

    #[test]
    fn odd_values() {
        assert!(to_grid(&mut []) && to_grid(&mut [0.0, -0.0]));
        assert!(!to_grid(&mut [f64::NAN]) && !to_grid(&mut [f64::MAX, f64::MAX]));
        let mut tiny = [1e-320];
        assert!(to_grid(&mut tiny) && tiny == [0.0]);
        let mut whole = [3.0, 5e6, 12.0];
        assert!(to_grid(&mut whole) && whole == [3.0, 5e6, 12.0]);
    }
}
