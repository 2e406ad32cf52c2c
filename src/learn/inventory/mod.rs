//! What to keep in stock and what to ask for it: the numbers behind both.
//!
//! - [`LeadTimeDemand`]: the demand until an order arrives, as a distribution;
//! - [`moments`]: how an uncertain lead time adds to it;
//! - [`StockLevel`]: safety stock, reorder point and expected shortage for a service level or a fill rate;
//! - [`Newsvendor`]: how much to hold for the most profit;
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
pub(in crate::learn) use elasticity::{Elasticities, PriceHistory, controls};
pub(in crate::learn) use lead_time::{Moments, moments};
pub(in crate::learn) use newsvendor::Newsvendor;
pub(in crate::learn) use policy::{StockLevel, for_cycle_service, for_fill_rate};
pub(in crate::learn) use price::profit_maximising;
