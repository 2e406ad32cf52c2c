//! From a quantity that is needed to one a supplier accepts.

/// Whole numbers beyond this are not exact any more.
const MAX_QUANTITY: f64 = 9_007_199_254_740_992.0;

/// What a supplier accepts.
pub(super) struct Lot {
    /// The least.
    pub min: Option<f64>,
    /// The most.
    pub max: Option<f64>,
    /// Quantities are whole multiples of this.
    pub multiple: Option<f64>,
}

impl Lot {
    /// The smallest whole quantity that is acceptable and enough, or else the largest acceptable; and which limit told.
    pub fn fit(&self, needed: f64) -> Result<(f64, &'static str), &'static str> {
        let multiple = self.multiple.unwrap_or(1.0);
        if multiple == 0.0 || multiple.fract() != 0.0 {
            return Err("order_multiple is not a whole number above zero");
        }
        let (min, max) = (self.min.unwrap_or(0.0), self.max.unwrap_or(f64::INFINITY));
        // Without the margin, 3.0000000000000004 units would become 4.
        let up = |quantity: f64| (quantity / multiple - 1e-9).ceil() * multiple;
        let mut quantity = up(needed.max(min));
        let mut limited = if min > up(needed) { ", raised to min_order" } else { "" };
        if quantity > max {
            quantity = (max / multiple).floor() * multiple;
            limited = ", cut to max_order";
            if quantity < min || quantity <= 0.0 {
                return Err("max_order leaves no quantity that min_order and order_multiple allow");
            }
        }
        if quantity > MAX_QUANTITY {
            return Err("the inputs are too large to compute with");
        }
        Ok((quantity, limited))
    }
}
