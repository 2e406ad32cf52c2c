//! The integration tests: one binary, a module a capability.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod adventureworks;
mod architecture;
mod as_of;
mod bad_input;
mod broken;
mod cli;
mod corpora;
mod declarations;
mod demo;
mod determinism;
mod examples;
mod files;
mod kill;
mod landing;
mod learn;
mod mend;
mod models;
mod online_retail;
mod shop;
mod slt;
mod sp500;
mod tiny;
mod twin;
