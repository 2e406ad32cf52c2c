//! Delimited text.
//!
//! Blank lines and comment lines are not records. A record with too few or too many fields, with text after a closing
//! quote, with a quote that is never closed, with a NUL, or that is not valid in the file's encoding, is malformed.
//! A field counts as empty, or as one of the null texts, whether it is quoted or not.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, NullBufferBuilder, RecordBatch, RecordBatchOptions, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field as Column, Schema, SchemaRef};

use super::read::{Chunk, Layout, MAX_RECORD_BYTES, Malformed, Raw, clip, input};
use super::text::{Text, line_ends};
use super::tokens::{Field, Grammar, Shape};
use crate::error::{Error, Result};

pub(super) struct Reader {
    text: Text,
    rules: Arc<Rules>,
    block_bytes: usize,
    most_bytes: usize,
    /// Read, but not yet given out; begins with a record.
    pending: Vec<u8>,
    /// The line `pending` begins on.
    line: i64,
    more: bool,
}

/// What a block needs to know to be parsed on its own.
struct Rules {
    grammar: Grammar,
    schema: SchemaRef,
    has_header: bool,
    nulls: Vec<Vec<u8>>,
    empty_is_null: bool,
    pad_short: bool,
}

impl Reader {
    pub(super) fn open(path: &Path, layout: &Layout) -> Result<Self> {
        let dialect = &layout.csv;
        let grammar = Grammar::of(dialect)?;
        let text = Text::open(path, &dialect.encoding)?;
        let mut start = Start { text, pending: Vec::new(), at: 0, more: true };
        let is_empty = start.is_at_end()?;
        if is_empty && dialect.header {
            return Err(input(path, "is empty").with_hint(NO_HEADER));
        }
        for skipped in 0..dialect.skip_lines {
            if start.is_at_end()? {
                return Err(input(
                    path,
                    format_args!("has only {skipped} lines, and skip_lines is {}", dialect.skip_lines),
                )
                .with_hint("Set csv.skip_lines to the number of lines before the header."));
            }
            start.skip_line()?;
        }
        let line = 1 + line_ends(&start.pending[..start.at]);
        let (names, line) = if dialect.header {
            let header = start.record(&grammar)?;
            let (names, consumed) = header_names(path, line, &grammar, &start.pending[start.at..][..header])?;
            let line = line + line_ends(&start.pending[start.at..][..consumed]);
            start.at += consumed;
            (names, line)
        } else {
            let first = start.record(&grammar)?;
            (headerless_names(&layout.columns, &grammar, &start.pending[start.at..][..first]), line)
        };
        let columns: Vec<_> = names.into_iter().map(|name| Column::new(name, DataType::Utf8, true)).collect();
        let rules = Rules {
            grammar,
            schema: Arc::new(Schema::new(columns)),
            has_header: dialect.header,
            nulls: dialect.nulls.iter().map(|text| text.clone().into_bytes()).collect(),
            empty_is_null: dialect.empty_is_null,
            pad_short: dialect.pad_short,
        };
        let pending = start.pending.split_off(start.at);
        let (text, more) = (start.text, start.more);
        let most_bytes = layout.block_bytes.clamp(1, MAX_RECORD_BYTES);
        let block_bytes = most_bytes.min(FIRST_BLOCK_BYTES);
        Ok(Self { text, rules: Arc::new(rules), block_bytes, most_bytes, pending, line, more })
    }

    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.rules.schema)
    }

    pub(super) fn passed(&self) -> u64 {
        self.text.passed()
    }

    pub(super) fn digest(&self) -> Option<u128> {
        self.text.digest().filter(|_| !self.more)
    }

    pub(super) fn next_block(&mut self) -> Result<Option<Work>> {
        let mut goal = self.block_bytes;
        let end = loop {
            if self.more && self.pending.len() < goal {
                let missing = goal - self.pending.len();
                self.more = self.text.fill(&mut self.pending, missing)?;
            }
            if !self.more {
                break self.pending.len();
            }
            match self.rules.grammar.last_record_end(&self.pending) {
                0 if self.pending.len() >= MAX_RECORD_BYTES => {
                    return Err(too_long(self.text.path(), self.line));
                }
                0 => goal = (self.pending.len() * 2).min(MAX_RECORD_BYTES),
                end => break end,
            }
        };
        if end == 0 {
            return Ok(None);
        }
        let mut rest = Vec::with_capacity(self.block_bytes);
        rest.extend_from_slice(&self.pending[end..]);
        self.pending.truncate(end);
        let text = std::mem::replace(&mut self.pending, rest);
        let line = self.line;
        let lines = line_ends(&text);
        self.line += lines;
        // A row costs more than its text, a rejected one most of all: of tiny rows, blocks are smaller.
        let limit = text.len() as i64 * BLOCK_LINES / lines.max(1);
        self.block_bytes = usize::try_from(limit).unwrap_or(usize::MAX).min(self.most_bytes);
        Ok(Some(Work { text, line, rules: Arc::clone(&self.rules) }))
    }
}

/// The beginning of a file, up to its first row.
struct Start {
    text: Text,
    pending: Vec<u8>,
    /// How much of `pending` is behind us.
    at: usize,
    more: bool,
}

impl Start {
    fn grow(&mut self) -> Result<()> {
        let want = self.pending.len().max(HEADER_BYTES);
        self.more = self.text.fill(&mut self.pending, want)?;
        Ok(())
    }

    fn is_at_end(&mut self) -> Result<bool> {
        while self.more && self.at == self.pending.len() {
            self.grow()?;
        }
        Ok(self.at == self.pending.len())
    }

    fn skip_line(&mut self) -> Result<()> {
        loop {
            let rest = &self.pending[self.at..];
            let end = memchr::memchr2(b'\n', b'\r', rest);
            // A CR that ends what was read may be half of a CR LF.
            if self.more && end.is_none_or(|end| rest[end] == b'\r' && end + 1 == rest.len()) {
                if rest.len() >= MAX_RECORD_BYTES {
                    return Err(too_long(self.text.path(), 1 + line_ends(&self.pending[..self.at])));
                }
                self.grow()?;
                continue;
            }
            self.at += match end {
                None => rest.len(),
                Some(end) => end + 1 + usize::from(rest[end] == b'\r' && rest.get(end + 1) == Some(&b'\n')),
            };
            return Ok(());
        }
    }

    /// The length of a text from here that holds the next record, or all there is.
    fn record(&mut self, grammar: &Grammar) -> Result<usize> {
        loop {
            let rest = &self.pending[self.at..];
            let whole = if self.more { grammar.last_record_end(rest) } else { rest.len() };
            if !self.more || Records::new(grammar, &rest[..whole], 1).next_start().is_some() {
                return Ok(whole);
            }
            if rest.len() >= MAX_RECORD_BYTES {
                return Err(too_long(self.text.path(), 1 + line_ends(&self.pending[..self.at])));
            }
            self.grow()?;
        }
    }
}

/// About how many lines a block has at most.
const BLOCK_LINES: i64 = 64 << 10;
/// The first block tells how long lines are.
const FIRST_BLOCK_BYTES: usize = 256 << 10;

/// As much as is read at once to find the header.
const HEADER_BYTES: usize = 64 << 10;

const NO_HEADER: &str = "If its rows begin at once, set csv.header = false and declare the columns.";

fn too_long(path: &Path, line: i64) -> Error {
    input(path, format_args!("line {line}: a record is longer than {} MiB", MAX_RECORD_BYTES >> 20))
        .with_hint("A quote is probably never closed: check csv.quote, csv.escape and csv.delimiter.")
}

/// The columns' names, and the length of the text up to the end of the header.
fn header_names(path: &Path, line: i64, grammar: &Grammar, text: &[u8]) -> Result<(Vec<String>, usize)> {
    let mut records = Records::new(grammar, text, line);
    if records.next_start().is_none() {
        return Err(input(path, "has no header").with_hint(NO_HEADER));
    }
    let line = records.line;
    let mut names: Vec<String> = Vec::new();
    let mut name = Vec::new();
    loop {
        let (field, is_last) = records.field();
        let number = names.len() + 1;
        let wrong =
            |what: &str| input(path, format_args!("line {line}: column {number} of the header {what}"));
        name.clear();
        match field.shape {
            Shape::Plain => name.extend_from_slice(&text[field.start..field.end]),
            Shape::Escaped => grammar.unescape(&text[field.start..field.end], &mut name),
            Shape::TextAfterQuote => {
                return Err(
                    wrong("has text after its closing quote").with_hint("Check csv.quote and csv.delimiter.")
                );
            }
            Shape::Unclosed => {
                return Err(
                    wrong("has a quote that is never closed").with_hint("Check csv.quote and csv.escape.")
                );
            }
        }
        let valid = std::str::from_utf8(&name).ok().filter(|name| !name.contains('\0'));
        let Some(valid) = valid else {
            return Err(
                wrong("is not valid text").with_hint("Declare the file's encoding with csv.encoding.")
            );
        };
        if valid.trim().is_empty() {
            return Err(wrong("has no name").with_hint(
                "Name it in the file, or set csv.header = false with csv.skip_lines = 1 and declare all columns in order.",
            ));
        }
        if let Some(first) = names.iter().position(|other| other == valid) {
            return Err(wrong(&format!("is named {valid:?}, as is column {}", first + 1)).with_hint(
                "Rename one in the file, or set csv.header = false with csv.skip_lines = 1 and declare all columns in order.",
            ));
        }
        names.push(valid.to_owned());
        if is_last {
            return Ok((names, records.at));
        }
    }
}

/// The declared names; without any, as many as the first record has fields.
fn headerless_names(declared: &[String], grammar: &Grammar, text: &[u8]) -> Vec<String> {
    if !declared.is_empty() {
        return declared.to_vec();
    }
    let mut records = Records::new(grammar, text, 1);
    if records.next_start().is_none() {
        return Vec::new();
    }
    let mut names = Vec::new();
    loop {
        names.push(format!("column_{}", names.len() + 1));
        if records.field().1 {
            return names;
        }
    }
}

/// Walks over the records of a text that begins with one.
struct Records<'a> {
    grammar: &'a Grammar,
    text: &'a [u8],
    at: usize,
    /// The line `at` is on.
    line: i64,
}

impl<'a> Records<'a> {
    fn new(grammar: &'a Grammar, text: &'a [u8], line: i64) -> Self {
        Self { grammar, text, at: 0, line }
    }

    /// Skips blank lines and comments; where the next record begins.
    #[inline(always)]
    fn next_start(&mut self) -> Option<usize> {
        loop {
            let byte = *self.text.get(self.at)?;
            if byte == b'\n' || byte == b'\r' {
                self.end_line();
            } else if Some(byte) == self.grammar.comment {
                let rest = &self.text[self.at..];
                self.at += memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
            } else {
                return Some(self.at);
            }
        }
    }

    /// The next field, and whether it is the last of its record.
    #[inline(always)]
    fn field(&mut self) -> (Field, bool) {
        let field = self.grammar.field(self.text, self.at);
        if field.end != field.next {
            // It was quoted: only then can there be line ends in it.
            self.line += line_ends(&self.text[field.start..field.end]);
        }
        self.at = field.next;
        match self.text.get(field.next) {
            Some(&byte) if byte == self.grammar.delimiter => {
                self.at += 1;
                (field, false)
            }
            Some(_) => {
                self.end_line();
                (field, true)
            }
            None => (field, true),
        }
    }

    #[inline(always)]
    fn end_line(&mut self) {
        let is_pair = self.text[self.at] == b'\r' && self.text.get(self.at + 1) == Some(&b'\n');
        self.at += 1 + usize::from(is_pair);
        self.line += 1;
    }
}

/// Whole records, not yet tokenised.
pub(super) struct Work {
    text: Vec<u8>,
    line: i64,
    rules: Arc<Rules>,
}

impl Work {
    pub(super) fn parse(self) -> Result<Chunk> {
        let Work { text, line, rules } = self;
        let width = rules.schema.fields().len();
        // Asked once for the block, and again for each record only where the answer was bad.
        let is_clean = std::str::from_utf8(&text).is_ok() && memchr::memchr(0, &text).is_none();
        let mut columns: Vec<_> =
            (0..width).map(|_| Cells::with_capacity(text.len() / width.max(1))).collect();
        let mut positions = Vec::new();
        let mut spans: Vec<(u32, u32)> = Vec::new();
        let mut malformed = Vec::new();
        // Fields are found row by row and copied column by column, some hundred rows at a time: two short loops, each of
        // which keeps what it needs in registers.
        let mut fields: Vec<Span> = Vec::with_capacity(FIELDS_AT_ONCE + width);

        let mut records = Records::new(&rules.grammar, &text, line);
        while let Some(start) = records.next_start() {
            let line = records.line;
            let row = fields.len();
            let mut fault = None;
            let mut count = 0;
            let end = loop {
                let (field, is_last) = records.field();
                match field.shape {
                    Shape::Plain => fields.push(Span::plain(field)),
                    Shape::Escaped => fields.push(Span::escaped(field)),
                    shape => fault = fault.or(Some((count, shape))),
                }
                count += 1;
                if is_last {
                    break field.next;
                }
            };
            if fault.is_none() && count < width && rules.pad_short {
                fields.resize(row + width, Span::NULL);
                count = width;
            }
            let record = &text[start..end];
            let reason = match fault {
                Some((at, shape)) => Some(rules.broken_quote(at, shape)),
                None if count != width => Some(rules.wrong_count(count)),
                None if is_clean => None,
                None => unclean(record),
            };
            match reason {
                None => {
                    positions.push(line);
                    // Blocks are far shorter than 4 GiB.
                    spans.push((start as u32, end as u32));
                }
                Some(reason) => {
                    fields.truncate(row);
                    malformed.push(Malformed { position: line, raw: clip(record), reason });
                }
            }
            if fields.len() >= FIELDS_AT_ONCE {
                take_fields(&mut columns, &text, &mut fields, &rules);
            }
        }
        take_fields(&mut columns, &text, &mut fields, &rules);
        let arrays = columns.into_iter().map(Cells::finish).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(positions.len()));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&rules.schema), arrays, &options)?;
        Ok(Chunk {
            rows,
            positions: Int64Array::from(positions),
            malformed,
            raw: Raw::Text { text, records: spans },
        })
    }
}

impl Rules {
    fn wrong_count(&self, count: usize) -> String {
        let plural = if count == 1 { "" } else { "s" };
        let width = self.schema.fields().len();
        if self.has_header {
            format!("{count} field{plural}, the header has {width}")
        } else {
            format!("{count} field{plural}, {width} expected")
        }
    }

    fn broken_quote(&self, at: usize, shape: Shape) -> String {
        let what = match shape {
            Shape::Unclosed => "a quote is never closed",
            _ => "text after a closing quote",
        };
        match self.schema.fields().get(at) {
            Some(column) => format!("{what} in field {} ({})", at + 1, column.name()),
            None => format!("{what} in field {}", at + 1),
        }
    }

    #[inline(always)]
    fn is_null(&self, field: &[u8]) -> bool {
        if field.is_empty() {
            self.empty_is_null || self.nulls.iter().any(Vec::is_empty)
        } else {
            self.nulls.iter().any(|null| null == field)
        }
    }
}

fn unclean(record: &[u8]) -> Option<String> {
    match std::str::from_utf8(record) {
        Err(error) => Some(format!(
            "not valid text in the file's encoding, at byte {} of the record",
            error.valid_up_to() + 1
        )),
        Ok(_) => memchr::memchr(0, record).map(|at| format!("a NUL at byte {} of the record", at + 1)),
    }
}

/// How many fields are found before they are copied: few enough for them and their text to stay in the cache.
const FIELDS_AT_ONCE: usize = 8192;

/// Where a field's text is in its block.
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    const ESCAPED: u32 = 1 << 31;
    const NULL: Span = Span { start: u32::MAX, end: u32::MAX };

    // A block is at most twice the longest record, 128 MiB: the highest bit is free.
    #[inline(always)]
    fn plain(field: Field) -> Self {
        Self { start: field.start as u32, end: field.end as u32 }
    }

    fn escaped(field: Field) -> Self {
        Self { start: field.start as u32 | Self::ESCAPED, end: field.end as u32 }
    }
}

/// Moves fields, found row by row, to their columns.
fn take_fields(columns: &mut [Cells], text: &[u8], fields: &mut Vec<Span>, rules: &Rules) {
    let width = columns.len();
    for (index, cells) in columns.iter_mut().enumerate() {
        for row in fields.chunks_exact(width) {
            let Span { start, end } = row[index];
            match start & Span::ESCAPED {
                0 => cells.push(text, start as usize, end as usize, rules),
                _ if end == u32::MAX => cells.push_null(),
                _ => cells.push_escaped(&text[(start & !Span::ESCAPED) as usize..end as usize], rules),
            }
        }
    }
    fields.clear();
}

/// The length of a short field.
const SHORT: usize = 16;

/// The values of one column while a block is parsed.
struct Cells {
    values: Vec<u8>,
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl Cells {
    fn with_capacity(bytes: usize) -> Self {
        let rows = bytes / 8 + 1;
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Self { values: Vec::with_capacity(bytes), offsets, nulls: NullBufferBuilder::new(rows) }
    }

    #[inline(always)]
    fn push(&mut self, text: &[u8], start: usize, end: usize, rules: &Rules) {
        let field = &text[start..end];
        if rules.is_null(field) {
            self.nulls.append_null();
        } else {
            // Most fields are short: copying a fixed number of bytes, some of them in vain, is faster than asking
            // how many.
            match text.get(start..start + SHORT) {
                Some(short) if field.len() <= SHORT => {
                    let length = self.values.len() + field.len();
                    self.values.extend_from_slice(short);
                    self.values.truncate(length);
                }
                _ => self.values.extend_from_slice(field),
            }
            self.nulls.append_non_null();
        }
        self.end_cell();
    }

    fn push_null(&mut self) {
        self.nulls.append_null();
        self.end_cell();
    }

    fn push_escaped(&mut self, inside: &[u8], rules: &Rules) {
        let start = self.values.len();
        rules.grammar.unescape(inside, &mut self.values);
        if rules.is_null(&self.values[start..]) {
            self.values.truncate(start);
            self.nulls.append_null();
        } else {
            self.nulls.append_non_null();
        }
        self.end_cell();
    }

    #[inline(always)]
    fn end_cell(&mut self) {
        // A block is at most twice the longest record, 128 MiB.
        self.offsets.push(self.values.len() as i32);
    }

    fn finish(mut self) -> Result<ArrayRef> {
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets));
        let nulls = self.nulls.finish();
        Ok(Arc::new(StringArray::try_new(offsets, Buffer::from_vec(self.values), nulls)?))
    }
}
