//! What to keep in stock and what to ask for it: the numbers behind both.
//!
//! - [`LeadTimeDemand`]: the demand until an order arrives, as a distribution;
//! - [`lead_time`]: how an uncertain lead time adds to it;
//! - [`policy`]: safety stock, reorder point and expected shortage for a service level or a fill rate;
//! - [`newsvendor`]: how much to buy once;
//! - [`elasticity`]: how demand answers to price, item by item, with what all items have in common;
//! - [`price`]: the price of most profit.

mod demand;
mod elasticity;
mod lead_time;
mod least_squares;
mod newsvendor;
mod policy;
mod price;

pub(in crate::learn) use demand::LeadTimeDemand;
pub(in crate::learn) use elasticity::{Elasticities, Elasticity, PriceHistory, Refusal, controls};
pub(in crate::learn) use lead_time::{Moments, convolved, moments};
pub(in crate::learn) use newsvendor::{Newsvendor, Purchase};
pub(in crate::learn) use policy::{StockLevel, for_cycle_service, for_fill_rate};
pub(in crate::learn) use price::{Held, Pricing, profit_maximising};
