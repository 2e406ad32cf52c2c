//! The account of every slice: no record is in two places, none is nowhere.

use std::collections::BTreeMap;

use crate::error::{Error, ErrorKind, Result};
use crate::ingest::pipeline::Prepared;
use crate::lake::system::{CheckRow, SliceRow};
use crate::lake::system::{RejectRow, SystemRow};
use crate::lake::{DataFile, FileWriter, Lake};
use crate::node::{Change, Context, Slice};
use crate::project::Table;

/// What became of one slice's records.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// Records read.
    pub read: u64,
    /// Records written to the table.
    pub landed: u64,
    /// Records the table knew already, or in a later version.
    pub unchanged: u64,
    /// Records in `twin.rejects`.
    pub rejected: u64,
    /// Rows of the table that the slice deleted or closed.
    pub deleted: u64,
    /// The xxh3-128 of the slice's bytes.
    pub digest: Option<u128>,
    /// New columns, and what was done about them.
    pub columns_changed: Option<String>,
    /// Whether the slice was rejected as a whole.
    pub whole: bool,
}

/// The accounts of a refresh, its rejects, and the rules that only warn.
pub struct Ledger {
    accounts: Vec<Account>,
    warned: BTreeMap<(String, &'static str), u64>,
    rejects: Option<FileWriter>,
}

impl Ledger {
    /// For so many slices.
    pub fn new(slices: usize) -> Self {
        Self { accounts: vec![Account::default(); slices], warned: BTreeMap::new(), rejects: None }
    }

    /// The account of one slice.
    pub fn account(&mut self, slice: usize) -> &mut Account {
        &mut self.accounts[slice]
    }

    /// Takes in what was read and rejected in one block; what landed is for the write mode to say.
    ///
    /// # Errors
    /// When the rejects cannot be written.
    pub async fn take(&mut self, context: &Context, table: &Table, block: &Prepared) -> Result<()> {
        let account = &mut self.accounts[block.slice];
        account.read += block.read;
        account.rejected += block.rejects.len() as u64;
        for (rule, rows) in &block.warned {
            *self.warned.entry(rule.clone()).or_default() += rows;
        }
        self.reject(context, table, &block.rejects).await
    }

    /// Writes rejects.
    ///
    /// # Errors
    /// When they cannot be written.
    pub async fn reject(&mut self, context: &Context, table: &Table, rows: &[RejectRow]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let writer = match &mut self.rejects {
            Some(writer) => writer,
            None => {
                let lake: &Lake = context.engine.lake();
                let part = table.name.to_string();
                let writer = lake.writer(&RejectRow::name(), &context.run_id, &part, RejectRow::schema())?;
                self.rejects.insert(writer)
            }
        };
        // A block of tiny records may be a million of them.
        for rows in rows.chunks(8192) {
            writer.write(&RejectRow::batch(rows)?).await?;
        }
        Ok(())
    }

    /// Closes the accounts: rows for `twin.slices` and `twin.checks`, files for `twin.rejects`.
    ///
    /// # Errors
    /// [`ErrorKind::Bug`] when a slice's account does not add up: nothing of this refresh may be published then.
    pub async fn close(
        self,
        context: &Context,
        table: &Table,
        slices: &[Slice],
    ) -> Result<(Vec<SliceRow>, Vec<CheckRow>, Vec<DataFile>)> {
        let mut rows = Vec::with_capacity(slices.len());
        for (slice, account) in slices.iter().zip(&self.accounts) {
            if account.read != account.landed + account.unchanged + account.rejected {
                return Err(Error::new(
                    ErrorKind::Bug,
                    format!(
                        "table {}: file {}: {} records read, but {} landed, {} unchanged and {} rejected",
                        table.name,
                        slice.uri,
                        account.read,
                        account.landed,
                        account.unchanged,
                        account.rejected
                    ),
                ));
            }
            let status = match (account, slice.change) {
                (_, Change::Vanished) => "vanished",
                (Account { whole: true, .. }, _) => "rejected",
                (Account { landed: 0, deleted: 0, rejected: 0, read: 1.., .. }, _) => "unchanged",
                _ => "landed",
            };
            rows.push(slice_row(context, table, slice, status, account));
        }
        let checks = self
            .warned
            .iter()
            .map(|((column, rule), count)| CheckRow {
                run_id: context.run_id.to_string(),
                relation: table.name.to_string(),
                check: format!("contract: {column} {rule}"),
                level: "warn".into(),
                status: "failed".into(),
                bad_rows: i64::try_from(*count).unwrap_or(i64::MAX),
                sql: None,
                checked_at: context.as_of.timestamp_micros(),
            })
            .collect();
        let files = match self.rejects {
            Some(writer) => writer.finish().await?.into_iter().collect(),
            None => Vec::new(),
        };
        Ok((rows, checks, files))
    }
}

/// A row of `twin.slices`.
pub fn slice_row(
    context: &Context,
    table: &Table,
    slice: &Slice,
    status: &str,
    account: &Account,
) -> SliceRow {
    let int = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    SliceRow {
        run_id: context.run_id.to_string(),
        relation: table.name.to_string(),
        source: table.source.clone(),
        uri: slice.uri.clone(),
        size: int(slice.size),
        modified_at: slice.modified_at.timestamp_micros(),
        digest: account.digest.map(|digest| format!("{digest:032x}")).unwrap_or_default(),
        status: status.to_string(),
        rows_read: int(account.read),
        rows_landed: int(account.landed),
        rows_unchanged: int(account.unchanged),
        rows_rejected: int(account.rejected),
        rows_deleted: int(account.deleted),
        columns_changed: account.columns_changed.clone(),
        landed_at: context.as_of.timestamp_micros(),
    }
}
