//! Landing files as tables: write modes, contracts, columns, lineage, accounts. Everything through a real twin.

mod accounts;
mod append;
mod columns;
mod contract;
mod keyed;
mod lineage;
mod values;
