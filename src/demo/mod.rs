//! The demo enterprise: the source files of Larkfield, a made-up home-and-garden retailer in five countries.
//!
//! The files are what real systems leave behind: an ERP that writes semicolons and decimal commas, a CRM that writes
//! NDJSON, HR extracts with a byte order mark, a ledger with line breaks inside quotes. They are dirty on purpose, in
//! amounts that are known beforehand ([`flaw::planted`]) and counted while writing ([`Summary`]), so that a run over them
//! can be held to account row by row. `docs/demo.md` is the page users read.
//!
//! Equal `(seed, scale)` give equal bytes: every table draws from random streams of its own, and no clock is read.
//! The calendar is fixed: three years of history, 2023-01-01 to 2025-12-31. Memory grows with the number of stores, never with the number of
//! sales lines, which are written as they are drawn.

mod calendar;
mod chance;
mod company;
mod compliance;
mod crm;
mod demand;
mod erp;
mod finance;
pub mod flaw;
mod highlights;
mod hr;
mod market;
mod purchasing;
mod sales;
mod scoring;
mod sink;
mod twin_files;
mod weather;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use flaw::Flaw;
pub use highlights::{Highlight, NEXT_STEPS, highlights};
pub use sink::{Summary, TableSummary};
pub use twin_files::TWIN_FILES;

use crate::error::{Error, ErrorKind, Result};

/// What to generate, and where to.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder the files are written under; made if missing. Files of an earlier generation are replaced.
    pub target: PathBuf,
    /// How big the company is. 1 is 20 stores and some 300,000 sales lines; sales grow linearly with it.
    pub scale: f64,
    /// Another seed, another company.
    pub seed: u64,
    /// A month from which on people buy otherwise than before; without it they never do.
    pub shift: Option<Shift>,
}

/// A change in what people buy, for seeing how models take it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// The first month of it: 0 is January 2023, 35 December 2025.
    pub from_month: usize,
    /// How many times as much they buy from then on.
    pub factor: f64,
}

impl Shift {
    /// People buy twice as much from that month on, written `2025-10`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a text that is no month of the history.
    pub fn doubling_from(month: &str) -> Result<Shift> {
        let first = (0..calendar::MONTHS)
            .find(|number| calendar::month_start(*number).format("%Y-%m").to_string() == month);
        let from_month = first.ok_or_else(|| {
            Error::new(ErrorKind::Usage, format!("{month:?} is not a month of the history"))
                .with_hint("Give a month from 2023-01 to 2025-12.")
        })?;
        Ok(Shift { from_month, factor: 2.0 })
    }
}

/// The greatest scale: 200,000 stores, more than any company has.
const MAX_SCALE: f64 = 10_000.0;

/// Writes all source files of the demo enterprise. `progress` hears of every finished file: its path and its rows.
///
/// A file appears under its name only when it is complete, so that a generation that was killed leaves none half-written.
///
/// # Errors
/// [`ErrorKind::Usage`] for a scale that is not above 0 and at most 10,000; [`ErrorKind::Storage`] where the target cannot be written.
pub fn generate(options: &Options, progress: &mut dyn FnMut(&str, u64)) -> Result<Summary> {
    if !(options.scale > 0.0 && options.scale <= MAX_SCALE) {
        return Err(Error::new(ErrorKind::Usage, format!("scale {} is out of range", options.scale))
            .with_hint("Give a scale above 0 and at most 10000; 1 is a minute's play, 100 some gigabytes."));
    }
    let company = company::Company::found(options.seed, options.scale);
    let climate = weather::Climate::draw(options.seed);
    let rates = market::Rates::draw(options.seed);
    let mut sink = sink::Sink::new(&options.target, progress);

    erp::write(&company, &mut sink)?;
    hr::write(&company, &mut sink)?;
    weather::write(&climate, &mut sink)?;
    market::write(&rates, options.seed, &mut sink)?;
    let sold = sales::write(&company, &climate, options.shift, &mut sink)?;
    purchasing::write(&company, &sold, &mut sink)?;
    crm::write(&company, &mut sink)?;
    finance::write(&company, &sold, &rates, &mut sink)?;
    compliance::write(&company, &mut sink)?;
    scoring::write(&company, &mut sink)?;
    Ok(sink.finish())
}
