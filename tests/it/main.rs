//! The integration tests: one binary, a module a capability.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod as_of;
mod broken;
mod cli;
mod declarations;
mod examples;
mod files;
mod kill;
mod learn;
mod mend;
mod shop;
mod twin;
