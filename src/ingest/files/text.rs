//! Bytes as UTF-8 text, whatever encoding they came in.

use std::path::Path;

use encoding_rs::{Decoder, DecoderResult};

use super::open::{Bytes, Compression};
use super::read::input;
use crate::error::{Error, ErrorKind, Result};

/// How much of the beginning is looked at to tell text from something else.
const HEAD_BYTES: usize = 64 << 10;

/// Stands where the file is not valid in its encoding. Never valid in UTF-8, so that the record it is in, and only that, is malformed.
const INVALID: u8 = 0xff;

/// The text of a file as UTF-8, without its byte order mark.
///
/// What is not valid in the file's encoding becomes bytes that are not valid UTF-8: nobody is made to read the whole file
/// before the first bad character is found, and no good record is lost to it.
pub(super) struct Text {
    bytes: Bytes,
    encoding: Encoding,
    /// Decoded already, while the beginning was looked at.
    ready: Vec<u8>,
    ended: bool,
}

enum Encoding {
    Utf8,
    /// ISO 8859-1: each byte is the character of that number.
    Latin1,
    Other(Box<Decoder>),
}

impl Text {
    /// Opens a file in the encoding `declared`, unless its byte order mark says otherwise.
    pub(super) fn open(path: &Path, declared: &str) -> Result<Self> {
        let mut bytes = Bytes::open(path)?;
        let mut head = Vec::new();
        let ended = bytes.fill(&mut head, HEAD_BYTES)? < HEAD_BYTES;
        refuse_known_binary(path, &head)?;
        let (mut encoding, mark) = Encoding::of(declared, &head).ok_or_else(|| {
            Error::new(ErrorKind::Declaration, format!("encoding {declared:?} is not known"))
                .with_hint("Known are utf-8, utf-16, latin-1 and windows-1252.")
        })?;
        let mut ready = Vec::new();
        encoding.decode(&head[mark..], ended, &mut ready);
        if !looks_like_text(&ready) {
            let hint = if path.extension().is_some_and(|e| e == "gz" || e == "zst") {
                "The name says it is compressed, but it does not begin as a gzip or zstd file does."
            } else if ready.contains(&0) {
                "If it is text in UTF-16, declare `encoding = \"utf-16\"`; else leave it out by the table's files."
            } else {
                "If it is text in another encoding, declare it, such as `encoding = \"windows-1252\"`."
            };
            return Err(input(path, "does not look like text").with_hint(hint));
        }
        Ok(Self { bytes, encoding, ready, ended })
    }

    pub(super) fn path(&self) -> &Path {
        self.bytes.path()
    }

    /// Appends about `want` bytes of text, and says whether there is more.
    pub(super) fn fill(&mut self, buffer: &mut Vec<u8>, want: usize) -> Result<bool> {
        let goal = buffer.len() + want;
        buffer.append(&mut self.ready);
        while !self.ended && buffer.len() < goal {
            let missing = goal - buffer.len();
            match &mut self.encoding {
                Encoding::Utf8 => self.ended = self.bytes.fill(buffer, missing)? < missing,
                encoding => {
                    let mut raw = Vec::new();
                    self.ended = self.bytes.fill(&mut raw, HEAD_BYTES)? < HEAD_BYTES;
                    encoding.decode(&raw, self.ended, buffer);
                }
            }
        }
        Ok(!self.ended)
    }

    /// Reads what is left and forgets it, for the digest's sake.
    pub(super) fn drain(&mut self) -> Result<()> {
        let mut forgotten = Vec::new();
        while self.fill(&mut forgotten, 1 << 20)? {
            forgotten.clear();
        }
        Ok(())
    }

    pub(super) fn passed(&self) -> u64 {
        self.bytes.passed()
    }

    pub(super) fn digest(&self) -> Option<u128> {
        self.bytes.digest()
    }
}

impl Encoding {
    /// The encoding of a text that begins with `head`, and the length of its byte order mark.
    fn of(declared: &str, head: &[u8]) -> Option<(Self, usize)> {
        let utf16 = |encoding: &'static encoding_rs::Encoding| {
            Self::Other(Box::new(encoding.new_decoder_without_bom_handling()))
        };
        let by_name = match declared.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Self::Utf8,
            "latin-1" | "latin1" | "iso-8859-1" => Self::Latin1,
            "windows-1252" | "cp1252" => utf16(encoding_rs::WINDOWS_1252),
            // Without a mark: the first character of a table is rarely beyond U+00FF, so its zero byte tells the order.
            "utf-16" | "utf16" if head.first() == Some(&0) => utf16(encoding_rs::UTF_16BE),
            "utf-16" | "utf16" => utf16(encoding_rs::UTF_16LE),
            _ => return None,
        };
        Some(match head {
            [0xef, 0xbb, 0xbf, ..] => (Self::Utf8, 3),
            [0xff, 0xfe, ..] => (utf16(encoding_rs::UTF_16LE), 2),
            [0xfe, 0xff, ..] => (utf16(encoding_rs::UTF_16BE), 2),
            _ => (by_name, 0),
        })
    }

    fn decode(&mut self, mut raw: &[u8], last: bool, out: &mut Vec<u8>) {
        match self {
            Self::Utf8 => out.extend_from_slice(raw),
            Self::Latin1 => {
                let mut buffer = [0; 4];
                for &byte in raw {
                    out.extend_from_slice(char::from(byte).encode_utf8(&mut buffer).as_bytes());
                }
            }
            Self::Other(decoder) => {
                let mut buffer = vec![0; 32 << 10];
                loop {
                    let (result, read, written) =
                        decoder.decode_to_utf8_without_replacement(raw, &mut buffer, last);
                    out.extend_from_slice(&buffer[..written]);
                    raw = &raw[read..];
                    match result {
                        DecoderResult::InputEmpty => break,
                        DecoderResult::OutputFull => {}
                        DecoderResult::Malformed(..) => out.push(INVALID),
                    }
                }
            }
        }
    }
}

/// What people drop into a folder of text files by mistake, by its first bytes.
fn refuse_known_binary(path: &Path, head: &[u8]) -> Result<()> {
    let found = match head {
        [b'P', b'A', b'R', b'1', ..] => "Parquet",
        [b'A', b'R', b'R', b'O', b'W', b'1', ..] => "an Arrow file",
        [b'P', b'K', 3, 4, ..] => "a zip archive or Excel workbook",
        [0xd0, 0xcf, 0x11, 0xe0, ..] => "an old Excel workbook",
        [b'%', b'P', b'D', b'F', b'-', ..] => "a PDF",
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, ..] => "bzip2",
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => "xz",
        [b'7', b'z', 0xbc, 0xaf, ..] => "7-Zip",
        _ if head.starts_with(b"SQLite format 3\0") => "a SQLite database",
        _ if Compression::of(head) != Compression::None => "compressed twice",
        _ => return Ok(()),
    };
    Err(input(path, format_args!("does not look like text, but like {found}"))
        .with_hint("Convert it, declare its format, or leave it out by the table's files."))
}

/// Whether the beginning of a file is text with at most a few bad bytes. Those are for its records to answer.
fn looks_like_text(head: &[u8]) -> bool {
    let invalid: usize = head.utf8_chunks().map(|chunk| chunk.invalid().len()).sum();
    let controls = head.iter().filter(|&&byte| byte < 9 || (14..27).contains(&byte)).count();
    let bad = invalid + controls;
    bad < 4 || bad * 10 < head.len()
}

/// How many lines end in a text: at LF, CR LF, or CR alone.
pub(super) fn line_ends(text: &[u8]) -> i64 {
    let mut lines = memchr::memchr_iter(b'\n', text).count();
    if memchr::memchr(b'\r', text).is_some() {
        lines += memchr::memchr_iter(b'\r', text).filter(|&at| text.get(at + 1) != Some(&b'\n')).count();
    }
    lines as i64
}

/// Where the last line end of a text is that cannot be part of a longer one: the index after it, 0 if none.
pub(super) fn after_last_line(text: &[u8]) -> usize {
    match memchr::memrchr2(b'\n', b'\r', text) {
        // A CR at the very end may be half of a CR LF.
        Some(at) if at + 1 == text.len() && text[at] == b'\r' => {
            memchr::memrchr2(b'\n', b'\r', &text[..at]).map_or(0, |at| at + 1)
        }
        Some(at) => at + 1,
        None => 0,
    }
}
