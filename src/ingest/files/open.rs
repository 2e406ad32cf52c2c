//! The bytes of a file: opened in one place, hashed as they are read, decompressed by what they begin with.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use xxhash_rust::xxh3::Xxh3;

use super::read::{input, named};
use crate::error::{Error, ErrorKind, Result};

/// Opens a local file for reading. The one place that touches the file system, so that object stores can join here.
pub(super) fn file(path: &Path) -> Result<File> {
    // Asked before opening: opening a pipe waits for somebody to write into it.
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if metadata.is_dir() {
        return Err(input(path, "is a directory, not a file").with_hint(
            "Move it out of the source's folder, or write the pattern so that it matches files only.",
        ));
    }
    if !metadata.is_file() {
        return Err(
            input(path, "is not a regular file").with_hint("Pipes, sockets and devices cannot be read.")
        );
    }
    File::open(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => {
            Error::new(ErrorKind::NotFound, format!("file {:?} does not exist", named(path)))
                .with_hint("Check the source's root and the table's files.")
        }
        // Not the file's fault, and nothing about the file changes when it is mended: not to be set aside as read.
        io::ErrorKind::PermissionDenied => storage(path, "may not be read by this user")
            .with_hint("Give the user that runs twinlake the right to read it."),
        _ => storage(path, format_args!("cannot be opened: {error}")),
    }
}

fn storage(path: &Path, what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Storage, format!("file {:?}: {what}", named(path)))
}

/// What is known of a file's raw bytes while they pass by.
#[derive(Default)]
struct Passed {
    hash: Xxh3,
    bytes: u64,
    ended: bool,
}

/// A file that hashes what is read from it.
struct Hashing {
    file: File,
    passed: Arc<Mutex<Passed>>,
}

impl Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        let mut passed = lock(&self.passed);
        passed.hash.update(&buffer[..read]);
        passed.bytes += read as u64;
        passed.ended |= read == 0 && !buffer.is_empty();
        Ok(read)
    }
}

fn lock(passed: &Mutex<Passed>) -> MutexGuard<'_, Passed> {
    passed.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a file is compressed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    /// Told by the first bytes: names lie.
    pub(super) fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::None => "file",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// The decompressed bytes of a file.
pub(super) struct Bytes {
    path: PathBuf,
    reader: Box<dyn Read + Send>,
    passed: Arc<Mutex<Passed>>,
    compression: Compression,
}

impl Bytes {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let passed = Arc::new(Mutex::new(Passed::default()));
        let mut raw = Hashing { file: file(path)?, passed: Arc::clone(&passed) };
        let mut head = Vec::new();
        raw.by_ref().take(8).read_to_end(&mut head).map_err(|error| unreadable(path, &error))?;
        let compression = Compression::of(&head);
        let raw = Cursor::new(head).chain(raw);
        let reader: Box<dyn Read + Send> = match compression {
            Compression::None => Box::new(raw),
            // Both go on over concatenated members.
            Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(raw)),
            Compression::Zstd => Box::new(
                zstd::stream::read::Decoder::new(raw)
                    .map_err(|error| input(path, format_args!("cannot be decompressed: {error}")))?,
            ),
        };
        Ok(Self { path: path.to_owned(), reader, passed, compression })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends up to `want` bytes; fewer only at the end of the file.
    pub(super) fn fill(&mut self, buffer: &mut Vec<u8>, want: usize) -> Result<usize> {
        let read = self.reader.by_ref().take(want as u64).read_to_end(buffer);
        read.map_err(|error| self.broken(&error))
    }

    fn broken(&self, error: &io::Error) -> Error {
        let at = lock(&self.passed).bytes;
        let kind = self.compression.name();
        match (self.compression, error.kind()) {
            (Compression::None, _) => {
                storage(&self.path, format_args!("cannot be read beyond byte {at}: {error}"))
            }
            (_, io::ErrorKind::UnexpectedEof) => {
                input(&self.path, format_args!("ends early at byte {at}, the {kind} file is truncated"))
                    .with_hint("Fetch the file again; nothing of it landed.")
            }
            _ => input(&self.path, format_args!("is not valid {kind} near byte {at}: {error}"))
                .with_hint("Fetch the file again; nothing of it landed."),
        }
    }

    /// How many raw bytes have been read.
    pub(super) fn passed(&self) -> u64 {
        lock(&self.passed).bytes
    }

    /// The hash of all raw bytes, once all were read.
    pub(super) fn digest(&self) -> Option<u128> {
        let passed = lock(&self.passed);
        passed.ended.then(|| passed.hash.digest128())
    }
}

/// The hash of a file's bytes, for readers that jump about in it.
pub(super) fn digest(path: &Path) -> Result<u128> {
    let mut file = file(path)?;
    let mut hash = Xxh3::default();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer).map_err(|error| unreadable(path, &error))? {
            0 => return Ok(hash.digest128()),
            read => hash.update(&buffer[..read]),
        }
    }
}
