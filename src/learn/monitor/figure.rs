//! Numbers as readers see them.

/// With at most six significant digits, without trailing zeros; with an exponent where it is very large or small.
pub(super) fn figure(value: f64) -> String {
    let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    let size = rounded.abs();
    if rounded == 0.0 {
        "0".to_owned()
    } else if (1e-5..1e15).contains(&size) || !size.is_finite() {
        format!("{rounded}")
    } else {
        format!("{rounded:e}")
    }
}

#[cfg(test)]
mod tests {
    use super::figure;

    #[test]
    fn six_digits_and_no_more() {
        let shown =
            [0.1 + 0.2, 1.0 / 3.0, -0.0, 1_234_567.0, 12.0, 1e-9, 2.5e20, 0.000_123_456_789].map(figure);
        assert_eq!(shown, ["0.3", "0.333333", "0", "1234570", "12", "1e-9", "2.5e20", "0.000123457"]);
    }
}
