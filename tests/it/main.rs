//! The integration tests: one binary, a module a capability.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod adventureworks;
mod as_of;
mod broken;
mod cli;
mod declarations;
mod demo;
mod examples;
mod files;
mod kill;
mod learn;
mod online_retail;
mod shop;
mod sp500;
mod twin;
