//! Cuts JSON into its records without parsing them: lines of NDJSON, elements of the array of a document.
//!
//! Only the structure is followed (brackets and strings), in memory bounded by the longest record. Whether a record is
//! valid is for the parser to say; where the structure itself breaks, the records before stay good and the rest of
//! the file is one malformed record.

use std::path::Path;

use super::json::Kind;
use super::read::{MAX_RECORD_BYTES, Malformed, clip, input};
use super::text::{Text, after_last_line};
use crate::error::{Error, ErrorKind, Result};

/// Records of one block: where in `text` each begins and ends, and its line.
#[derive(Default)]
pub(super) struct Cut {
    pub(super) text: Vec<u8>,
    pub(super) records: Vec<Record>,
    /// What already the cutting showed to be no record.
    pub(super) malformed: Vec<Malformed>,
}

#[derive(Clone, Copy)]
pub(super) struct Record {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) line: i64,
}

/// Reads a file record by record.
pub(super) struct Cutter {
    text: Text,
    /// Read and not yet used: from `at` on.
    buffer: Vec<u8>,
    at: usize,
    more: bool,
    /// The line `at` is on.
    line: i64,
    block_bytes: usize,
    place: Place,
    /// Whether a member or element came before in the object or array we are in.
    follows: bool,
    /// The keys that lead to the array of records.
    path: Vec<String>,
    /// For each of them whether it was met in the object it belongs to.
    met: Vec<bool>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before a line of NDJSON.
    Lines,
    /// Before a value that stands for itself.
    Document,
    /// In the object that holds the path's key of this number, before a member.
    Members(usize),
    /// In the array of records, before an element.
    Array,
    End,
}

/// As much as is read at once.
const READ_BYTES: usize = 256 << 10;

impl Cutter {
    pub(super) fn open(path: &Path, kind: Kind, records: Option<&str>, block_bytes: usize) -> Result<Self> {
        let keys: Vec<_> = match kind {
            Kind::Lines => Vec::new(),
            Kind::Document => records
                .filter(|p| !p.is_empty())
                .map(|p| p.split('.').map(str::to_owned).collect())
                .unwrap_or_default(),
        };
        let mut cutter = Self {
            text: Text::open(path, "utf-8")?,
            buffer: Vec::new(),
            at: 0,
            more: true,
            line: 1,
            block_bytes: block_bytes.clamp(1, MAX_RECORD_BYTES),
            place: if kind == Kind::Lines { Place::Lines } else { Place::Document },
            follows: false,
            met: vec![false; keys.len()],
            path: keys,
        };
        if kind == Kind::Document && cutter.peek()?.is_none() {
            return Err(input(path, "is empty").with_hint("An export without records is written as []."));
        }
        Ok(cutter)
    }

    pub(super) fn passed(&self) -> u64 {
        self.text.passed()
    }

    pub(super) fn digest(&self) -> Option<u128> {
        self.text.digest().filter(|_| self.place == Place::End)
    }

    pub(super) fn path(&self) -> &Path {
        self.text.path()
    }

    /// The next records, about a block's worth of text; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Cut>> {
        let mut cut = Cut::default();
        while self.place != Place::End && cut.text.len() < self.block_bytes {
            match self.place {
                Place::Lines => self.lines(&mut cut)?,
                Place::Document => self.document(&mut cut)?,
                Place::Members(level) => self.member(level, &mut cut)?,
                Place::Array => self.element(&mut cut)?,
                Place::End => {}
            }
        }
        let is_empty = cut.records.is_empty() && cut.malformed.is_empty();
        Ok((self.place != Place::End || !is_empty).then_some(cut))
    }

    /// All whole lines of what is read.
    fn lines(&mut self, cut: &mut Cut) -> Result<()> {
        let end = loop {
            let rest = &self.buffer[self.at..];
            if !self.more {
                break rest.len();
            }
            match after_last_line(rest) {
                0 if rest.len() >= MAX_RECORD_BYTES => return Err(self.too_long(self.line)),
                0 => self.refill()?,
                end => break end,
            }
        };
        let base = cut.text.len();
        cut.text.extend_from_slice(&self.buffer[self.at..self.at + end]);
        self.at += end;
        if end == 0 {
            self.place = Place::End;
        }
        let mut start = base;
        while start < cut.text.len() {
            let rest = &cut.text[start..];
            let len = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
            if !rest[..len].trim_ascii().is_empty() {
                // A block is at most twice the longest record.
                cut.records.push(Record { start: start as u32, end: (start + len) as u32, line: self.line });
            }
            let is_pair = rest[len..].starts_with(b"\r\n");
            start += len + 1 + usize::from(is_pair);
            self.line += 1;
        }
        Ok(())
    }

    fn document(&mut self, cut: &mut Cut) -> Result<()> {
        match self.peek()? {
            None => {
                self.place = Place::End;
                Ok(())
            }
            Some(b'[') if self.path.is_empty() => {
                self.skip();
                self.follows = false;
                self.place = Place::Array;
                Ok(())
            }
            Some(b'{') if self.path.is_empty() => self.record(cut),
            Some(b'{') => {
                self.skip();
                self.enter(0);
                Ok(())
            }
            Some(b'[') => Err(self.not_there("the document is an array")),
            Some(_) => self.broken(cut, "neither an object nor an array of objects"),
        }
    }

    fn enter(&mut self, level: usize) {
        self.met[level] = false;
        self.follows = false;
        self.place = Place::Members(level);
    }

    /// One member of the object in which we look for the path's key of number `level`.
    fn member(&mut self, level: usize, cut: &mut Cut) -> Result<()> {
        if self.peek()? == Some(b'}') {
            if !self.met[level] {
                return Err(self.not_there(&format!("an object has no key {:?}", self.path[level])));
            }
            self.skip();
            self.place = if level == 0 { Place::Document } else { Place::Members(level - 1) };
            self.follows = true;
            return Ok(());
        }
        if self.follows && !self.took(b',')? {
            return self.broken_or_cut_off(cut, "expected , or } after a member");
        }
        if self.peek()? != Some(b'"') {
            return self.broken_or_cut_off(cut, "expected a key");
        }
        let mut key = Vec::new();
        let is_whole = self.value(&mut key)?;
        let Some(key) = serde_json::from_slice::<String>(&key).ok().filter(|_| is_whole) else {
            return self.broken_or_cut_off(cut, "a key is not a valid string");
        };
        if !self.took(b':')? {
            return self.broken_or_cut_off(cut, "expected : after a key");
        }
        self.follows = true;
        if key != self.path[level] {
            return self.skip_value(cut);
        }
        if self.met[level] {
            return self.broken(cut, &format!("duplicate key {key:?}"));
        }
        self.met[level] = true;
        let is_last = level + 1 == self.path.len();
        match self.peek()? {
            Some(b'[') if is_last => {
                self.skip();
                self.follows = false;
                self.place = Place::Array;
                Ok(())
            }
            Some(b'{') if is_last => self.record(cut),
            Some(b'n') if is_last => self.skip_value(cut),
            Some(b'{') => {
                self.skip();
                self.enter(level + 1);
                Ok(())
            }
            None => self.broken(cut, CUT_OFF),
            Some(_) => Err(self.not_there(&format!("{key:?} holds something else"))),
        }
    }

    fn element(&mut self, cut: &mut Cut) -> Result<()> {
        if self.peek()? == Some(b']') {
            self.skip();
            self.place = match self.path.len() {
                0 => Place::Document,
                keys => Place::Members(keys - 1),
            };
            self.follows = true;
            return Ok(());
        }
        if self.follows && !self.took(b',')? {
            return self.broken_or_cut_off(cut, "expected , or ] after a record");
        }
        self.follows = true;
        match self.peek()? {
            Some(b'{') => self.record(cut),
            Some(first @ (b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n')) => {
                let line = self.line;
                let mut text = Vec::new();
                let is_whole = self.value(&mut text)?;
                let reason = format!("{}, not an object", kind_of(first));
                cut.malformed.push(Malformed { position: line, raw: clip(&text), reason });
                if is_whole { Ok(()) } else { self.broken(cut, CUT_OFF) }
            }
            _ => self.broken_or_cut_off(cut, "expected a record"),
        }
    }

    /// The object that begins here.
    fn record(&mut self, cut: &mut Cut) -> Result<()> {
        let line = self.line;
        let start = cut.text.len();
        if self.value(&mut cut.text)? {
            cut.records.push(Record { start: start as u32, end: cut.text.len() as u32, line });
            return Ok(());
        }
        let raw = clip(&cut.text[start..]);
        cut.text.truncate(start);
        cut.malformed.push(Malformed { position: line, raw, reason: CUT_OFF.into() });
        self.place = Place::End;
        Ok(())
    }

    fn skip_value(&mut self, cut: &mut Cut) -> Result<()> {
        match self.peek()? {
            Some(b',' | b':' | b'}' | b']') => return self.broken(cut, "expected a value"),
            None => return self.broken(cut, CUT_OFF),
            Some(_) => {}
        }
        let mut end = ValueEnd::default();
        while self.available()? {
            let rest = &self.buffer[self.at..];
            let found = end.find(rest);
            let len = found.unwrap_or(rest.len());
            self.advance(len);
            if found.is_some() {
                return Ok(());
            }
        }
        if end.is_scalar() { Ok(()) } else { self.broken(cut, CUT_OFF) }
    }

    /// Appends the value that begins here; false when the file ends inside it.
    fn value(&mut self, out: &mut Vec<u8>) -> Result<bool> {
        let line = self.line;
        let start = out.len();
        let mut end = ValueEnd::default();
        while self.available()? {
            let rest = &self.buffer[self.at..];
            let found = end.find(rest);
            let len = found.unwrap_or(rest.len());
            out.extend_from_slice(&rest[..len]);
            self.advance(len);
            if found.is_some() {
                return Ok(true);
            }
            if out.len() - start > MAX_RECORD_BYTES {
                return Err(self.too_long(line));
            }
        }
        Ok(end.is_scalar())
    }

    /// Everything from here on is one malformed record.
    fn broken(&mut self, cut: &mut Cut, reason: &str) -> Result<()> {
        while self.more && self.buffer.len() - self.at < READ_BYTES {
            self.refill()?;
        }
        let raw = clip(&self.buffer[self.at..]);
        cut.malformed.push(Malformed { position: self.line, raw, reason: reason.into() });
        self.place = Place::End;
        self.text.drain()?;
        self.more = false;
        Ok(())
    }

    fn broken_or_cut_off(&mut self, cut: &mut Cut, reason: &str) -> Result<()> {
        let reason = if self.peek()?.is_none() { CUT_OFF } else { reason };
        self.broken(cut, reason)
    }

    fn not_there(&self, why: &str) -> Error {
        let path = self.path.join(".");
        input(self.text.path(), format_args!("line {}: no array of records at {path:?}: {why}", self.line))
            .with_hint("Check json.records: the keys that lead to the array, with dots between.")
    }

    fn too_long(&self, line: i64) -> Error {
        Error::new(
            ErrorKind::Input,
            format!(
                "file {:?}: line {line}: a record is longer than {} MiB",
                self.text.path().display().to_string(),
                MAX_RECORD_BYTES >> 20
            ),
        )
        .with_hint("If the records are inside a larger document, say where with json.records.")
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Result<Option<u8>> {
        while self.available()? {
            let rest = &self.buffer[self.at..];
            let blank = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
            let next = rest.get(blank).copied();
            self.advance(blank);
            if next.is_some() {
                return Ok(next);
            }
        }
        Ok(None)
    }

    /// Takes the next byte that is not white space if it is the one expected.
    fn took(&mut self, expected: u8) -> Result<bool> {
        let is_there = self.peek()? == Some(expected);
        if is_there {
            self.skip();
        }
        Ok(is_there)
    }

    fn skip(&mut self) {
        self.at += 1;
    }

    fn advance(&mut self, len: usize) {
        self.line += memchr::memchr_iter(b'\n', &self.buffer[self.at..self.at + len]).count() as i64;
        self.at += len;
    }

    fn available(&mut self) -> Result<bool> {
        while self.at == self.buffer.len() && self.more {
            self.refill()?;
        }
        Ok(self.at < self.buffer.len())
    }

    fn refill(&mut self) -> Result<()> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let want = self.buffer.len().max(READ_BYTES);
        self.more = self.text.fill(&mut self.buffer, want)?;
        Ok(())
    }
}

const CUT_OFF: &str = "the document ends here, before it is complete";

/// What a JSON value is, by its first byte.
pub(super) fn kind_of(first: u8) -> &'static str {
    match first {
        b'[' => "an array",
        b'"' => "a string",
        b't' | b'f' => "true or false",
        b'n' => "null",
        b'-' | b'0'..=b'9' => "a number",
        _ => "not JSON",
    }
}

/// Finds where a value ends, over as many pieces of text as it takes.
#[derive(Default)]
pub(super) struct ValueEnd {
    depth: usize,
    state: Inside,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Inside {
    /// Nothing was seen yet.
    #[default]
    Nothing,
    /// Between the tokens of an array or object.
    Structure,
    Text,
    /// In a string, after a backslash.
    Escape,
    /// In a number or a word, at the top.
    Scalar,
}

impl ValueEnd {
    /// The length of what of `text` still belongs to the value; none if it goes on.
    pub(super) fn find(&mut self, text: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < text.len() {
            let byte = text[at];
            match self.state {
                Inside::Text => match memchr::memchr2(b'"', b'\\', &text[at..]) {
                    None => return None,
                    Some(len) => {
                        at += len;
                        self.state = match text[at] {
                            b'\\' => Inside::Escape,
                            _ if self.depth == 0 => return Some(at + 1),
                            _ => Inside::Structure,
                        };
                    }
                },
                Inside::Escape => self.state = Inside::Text,
                Inside::Scalar => {
                    if matches!(byte, b',' | b']' | b'}' | b':' | b'{' | b'[' | b'"')
                        || byte.is_ascii_whitespace()
                    {
                        return Some(at);
                    }
                }
                Inside::Nothing | Inside::Structure => match byte {
                    b'"' => self.state = Inside::Text,
                    b'{' | b'[' => {
                        self.depth += 1;
                        self.state = Inside::Structure;
                    }
                    b'}' | b']' => {
                        self.depth = self.depth.saturating_sub(1);
                        if self.depth == 0 {
                            return Some(at + 1);
                        }
                    }
                    _ if self.state == Inside::Nothing => self.state = Inside::Scalar,
                    _ => {}
                },
            }
            at += 1;
        }
        None
    }

    /// Whether it may end where the file ends.
    fn is_scalar(&self) -> bool {
        self.state == Inside::Scalar
    }
}
