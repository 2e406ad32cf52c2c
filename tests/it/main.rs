//! The integration tests: one binary, a module a capability.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod architecture;
mod as_of;
mod bad_input;
mod broken;
mod cli;
mod corpora;
mod declarations;
mod examples;
mod files;
mod kill;
mod landing;
mod learn;
mod shop;
mod slt;
mod tiny;
mod twin;
