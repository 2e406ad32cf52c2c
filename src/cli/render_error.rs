//! Errors for people.

use std::error::Error as _;
use std::fmt::Write as _;
use std::io::Write as _;

use super::paint::Paint;
use crate::error::{Error, ErrorKind};

/// Writes an error to standard error. Where even that is closed, nobody is there to be told.
pub(super) fn render(error: &Error, paint: Paint, verbose: bool) {
    let _ = std::io::stderr().write_all(text(error, paint, verbose).as_bytes());
}

/// The message, its detail, what to do about it.
pub(super) fn text(error: &Error, paint: Paint, verbose: bool) -> String {
    let mut text = String::new();
    let detail = error.detail().map(str::trim_end).unwrap_or_default();
    let headline = format!("{} {}\n", paint.red("error:"), error.message());
    // Diagnostics may fill pages: what they amount to must be the last thing on the screen.
    if error.kind() == ErrorKind::Declaration && !detail.is_empty() {
        text.push_str(detail);
        text.push_str("\n\n");
        text.push_str(&headline);
    } else {
        text.push_str(&headline);
        for line in detail.lines() {
            text.push_str(format!("  {line}").trim_end());
            text.push('\n');
        }
    }
    if let Some(hint) = error.hint() {
        let _ = writeln!(text, "{} {hint}", paint.blue("hint:"));
    }
    if error.kind() == ErrorKind::Bug && error.hint().is_none() {
        let _ = writeln!(text, "{} This is a bug in Twinlake. Please report it.", paint.blue("hint:"));
    }
    if verbose {
        let mut source = error.source();
        while let Some(cause) = source {
            let _ = writeln!(text, "caused by: {cause}");
            source = cause.source();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_detail_hint() {
        let error = Error::new(ErrorKind::Sql, "no such column")
            .with_detail("SELECT x\n       ^")
            .with_hint("Try y.");
        let rendered = text(&error, Paint::stderr(true), false);
        assert_eq!(rendered, "error: no such column\n  SELECT x\n         ^\nhint: Try y.\n");
    }

    #[test]
    fn what_diagnostics_amount_to_comes_last() {
        let error =
            Error::new(ErrorKind::Declaration, "2 errors in the declarations").with_detail("first\nsecond\n");
        let rendered = text(&error, Paint::stderr(true), false);
        assert_eq!(rendered, "first\nsecond\n\nerror: 2 errors in the declarations\n");
    }
}
