//! Which files there are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use chrono::SubsecRound;
use globset::{GlobBuilder, GlobMatcher};

use crate::clock::Instant;
use crate::error::{Error, ErrorKind, Result};

/// A file that a table's patterns match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its path below the source's root, with `/` between the parts on every system.
    pub uri: String,
    /// Its length in bytes.
    pub size: u64,
    /// When it was last written, to the microsecond.
    pub modified_at: Instant,
}

/// The files below `root` (a folder, or a `file://` URL of one) that match any of the globs, each once, sorted by uri.
///
/// `*` and `?` stay within one folder, `**` spans any number of them, `{a,b}` and `[0-9]` are alternatives. Links are followed.
///
/// # Errors
/// [`ErrorKind::Input`] when the root is missing, a pattern without wildcards matches nothing, a folder has the name of a
/// file, or a name is not valid Unicode; [`ErrorKind::Declaration`] when a pattern is not valid or leaves the root.
pub fn matching(root: &str, globs: &[String]) -> Result<Vec<FoundFile>> {
    let root = local(root)?;
    match std::fs::metadata(&root) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => {
            return Err(wrong(
                format!("source root {root:?} is a file, not a folder"),
                "Set root to the folder that holds the files.",
            ));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(wrong(
                format!("source root {root:?} does not exist"),
                "Create the folder, or correct the source's root.",
            ));
        }
        Err(error) => return Err(unreadable(&root, &error)),
    }
    let mut found = BTreeMap::new();
    for glob in globs {
        let pattern = Pattern::new(glob)?;
        let mut walk =
            Walk { root: &root, pattern: &pattern, above: Vec::new(), found: &mut found, matched: false };
        walk.below(&pattern.start)?;
        if !walk.matched && !pattern.has_wildcards {
            return Err(wrong(
                format!("file {glob:?} does not exist in {root:?}"),
                "Check the table's files and the source's root.",
            ));
        }
    }
    Ok(found.into_values().collect())
}

fn local(root: &str) -> Result<PathBuf> {
    match url::Url::parse(root) {
        // One letter is a Windows drive.
        Ok(url) if url.scheme().len() > 1 => url.to_file_path().map_err(|()| {
            wrong(
                format!("source root {root:?} is not a local folder"),
                "Files are read from local folders; copy or mount them.",
            )
        }),
        _ => Ok(PathBuf::from(root)),
    }
}

fn wrong(message: String, hint: &str) -> Error {
    Error::new(ErrorKind::Input, message).with_hint(hint)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    wrong(
        format!("{:?} cannot be read: {error}", path.display().to_string()),
        "Give the user that runs twinlake the right to read it.",
    )
}

struct Pattern {
    matcher: GlobMatcher,
    has_wildcards: bool,
    /// The folders before the first wildcard: nothing outside of them can match.
    start: String,
    /// How many folders deep a match can be; no limit where `**` is used.
    depth: Option<usize>,
    /// Whether the last part says something about names, so that a folder that matches was meant to be a file.
    names_files: bool,
}

impl Pattern {
    fn new(glob: &str) -> Result<Self> {
        let invalid = |why: &str| {
            Error::new(ErrorKind::Declaration, format!("files {glob:?}: {why}"))
                .with_hint("Write a path below the source's root, such as \"orders/*.csv\".")
        };
        let mut glob_text = glob;
        while let Some(rest) = glob_text.strip_prefix("./") {
            glob_text = rest;
        }
        let is_below = Path::new(glob_text).components().all(|part| matches!(part, Component::Normal(_)));
        if glob_text.is_empty() || !is_below || glob_text.contains("/./") {
            return Err(invalid("the pattern is not a path below the root"));
        }
        let is_wild = |part: &str| part.contains(['*', '?', '[', '{', '\\']);
        let parts: Vec<&str> = glob_text.split('/').collect();
        let literal =
            parts.iter().take(parts.len() - 1).take_while(|part| !is_wild(part)).copied().collect::<Vec<_>>();
        let last = parts.last().copied().unwrap_or_default();
        let matcher = GlobBuilder::new(glob_text)
            .literal_separator(true)
            .build()
            .map_err(|error| invalid(&error.kind().to_string()))?;
        Ok(Self {
            matcher: matcher.compile_matcher(),
            has_wildcards: is_wild(glob_text),
            start: literal.join("/"),
            depth: (!glob_text.contains(['{']) && !glob_text.contains("**")).then_some(parts.len() - 1),
            names_files: last.chars().any(|c| c != '*'),
        })
    }
}

struct Walk<'a> {
    root: &'a Path,
    pattern: &'a Pattern,
    /// The folders we are in, by their true paths: a link to one of them would go round for ever.
    above: Vec<PathBuf>,
    found: &'a mut BTreeMap<String, FoundFile>,
    matched: bool,
}

impl Walk<'_> {
    fn below(&mut self, folder: &str) -> Result<()> {
        let path = if folder.is_empty() { self.root.to_owned() } else { self.root.join(folder) };
        let entries = match std::fs::read_dir(&path) {
            Ok(entries) => entries,
            // Where the pattern begins there may be nothing yet.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && self.above.is_empty() => {
                return Ok(());
            }
            Err(error) => return Err(unreadable(&path, &error)),
        };
        let true_path = std::fs::canonicalize(&path).map_err(|error| unreadable(&path, &error))?;
        if self.above.contains(&true_path) {
            return Ok(());
        }
        self.above.push(true_path);
        let mut names = BTreeSet::new();
        for entry in entries {
            names.insert(entry.map_err(|error| unreadable(&path, &error))?.file_name());
        }
        for name in names {
            let path = path.join(&name);
            match name.to_str() {
                Some(name) if folder.is_empty() => self.entry(path, name.to_owned())?,
                Some(name) => self.entry(path, format!("{folder}/{name}"))?,
                None if self.pattern.matcher.is_match(path.strip_prefix(self.root).unwrap_or(&path)) => {
                    return Err(wrong(
                        format!("the name of {:?} is not valid Unicode", path.to_string_lossy()),
                        "Rename the file.",
                    ));
                }
                None => {}
            }
        }
        self.above.pop();
        Ok(())
    }

    fn entry(&mut self, path: PathBuf, uri: String) -> Result<()> {
        let matches = self.pattern.matcher.is_match(&uri);
        let metadata = match std::fs::metadata(&path) {
            Ok(metadata) => metadata,
            // A link to nothing, or a file that went away just now, is only missed if it was asked for.
            Err(error) if matches => return Err(unreadable(&path, &error)),
            Err(_) => return Ok(()),
        };
        if metadata.is_dir() {
            if matches && self.pattern.names_files {
                return Err(wrong(
                    format!("{:?} is a directory, not a file", path.display().to_string()),
                    "Move it out of the source's folder, or write the pattern so that it matches files only.",
                ));
            }
            let is_deep = self.pattern.depth.is_some_and(|depth| uri.split('/').count() > depth);
            return if is_deep { Ok(()) } else { self.below(&uri) };
        }
        if matches {
            let modified = metadata.modified().map_err(|error| unreadable(&path, &error))?;
            let modified_at = Instant::from(modified).trunc_subsecs(6);
            self.matched = true;
            self.found.insert(uri.clone(), FoundFile { path, uri, size: metadata.len(), modified_at });
        }
        Ok(())
    }
}
