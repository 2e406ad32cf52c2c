//! Diagnostics for people: the line of the file, a caret under the place, the hint.

use std::fmt;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode,
    SourceSpan, SpanContents,
};

use super::diagnostic::{Diagnostic, Severity, line_column};

/// Plain ASCII without colour, the same on every machine.
pub(super) fn plain(list: &[Diagnostic]) -> String {
    render(list, GraphicalTheme::none())
}

/// For a terminal.
pub(super) fn colored(list: &[Diagnostic]) -> String {
    render(list, GraphicalTheme::unicode())
}

fn render(list: &[Diagnostic], theme: GraphicalTheme) -> String {
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(110)
        .with_context_lines(1)
        .with_links(false)
        .without_syntax_highlighting();
    let mut text = String::new();
    for diagnostic in list {
        if !text.is_empty() {
            text.push('\n');
        }
        handler.render_report(&mut text, &Report::new(diagnostic)).expect("a String takes every write");
    }
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// A diagnostic in the shape that miette draws.
#[derive(Debug)]
struct Report<'a> {
    of: &'a Diagnostic,
    source: Snippet,
}

impl<'a> Report<'a> {
    fn new(of: &'a Diagnostic) -> Self {
        let file = of.file.to_string_lossy().replace('\\', "/");
        // A snippet needs something to show, even of an empty file.
        let text = if of.text.is_empty() { " ".into() } else { of.text.to_string() };
        Self { of, source: Snippet { file, text } }
    }
}

/// A file that shows the one line of a span, whatever the context asked for: the message says the rest.
#[derive(Debug)]
struct Snippet {
    file: String,
    text: String,
}

impl SourceCode for Snippet {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        _after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let at = self.text.floor_char_boundary(span.offset().min(self.text.len()));
        let (line, column) = line_column(&self.text, at);
        // Asked without context, miette wants the place for its header; with context, the text to draw.
        let (start, column) = match before {
            0 => (at, column - 1),
            _ => (self.text[..at].rfind('\n').map_or(0, |newline| newline + 1), 0),
        };
        let rest = &self.text[start..];
        let length = rest.find('\n').map_or(rest.len(), |newline| newline + 1);
        Ok(Box::new(MietteSpanContents::new_named(
            self.file.clone(),
            &rest.as_bytes()[..length],
            (start, length).into(),
            line - 1,
            column,
            1,
        )))
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.of.message)
    }
}

impl std::error::Error for Report<'_> {}

impl miette::Diagnostic for Report<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.of.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.of.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.of.hint.as_ref().map(|hint| Box::new(hint) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        // One line is enough to find the place; a span over many lines would print them all.
        let span = self.of.span.clone();
        let line = self.of.text[span.clone()].find('\n').map_or(span.end, |end| span.start + end);
        let length = line.saturating_sub(span.start).max(1);
        Some(Box::new(std::iter::once(LabeledSpan::new(None, span.start, length))))
    }
}
