//! A short document that is written as Markdown or as a page of HTML that needs no other file.

use std::fmt::Write as _;

/// A document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Document {
    /// Its heading.
    pub title: String,
    /// Its parts.
    pub sections: Vec<Section>,
}

/// A heading with what is below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub title: &'static str,
    pub blocks: Vec<Block>,
}

/// What is below a heading. All texts are plain: what means something to Markdown or HTML is escaped when written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Block {
    Paragraph(String),
    List(Vec<String>),
    Table { header: Vec<String>, rows: Vec<Vec<String>> },
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
color:#1a1a1a;background:#fff}h2{margin-top:2rem;border-bottom:1px solid #ccc}table{border-collapse:collapse;\
margin:1rem 0}th,td{border:1px solid #ccc;padding:.25rem .6rem;text-align:left;vertical-align:top}\
th{background:#f3f3f3}";

impl Document {
    /// As Markdown with tables.
    pub fn markdown(&self) -> String {
        let mut out = format!("# {}\n", plain(&self.title));
        for section in &self.sections {
            let _ = write!(out, "\n## {}\n", plain(section.title));
            for block in &section.blocks {
                out.push('\n');
                match block {
                    Block::Paragraph(text) => {
                        let _ = writeln!(out, "{}", plain(text));
                    }
                    Block::List(items) => {
                        for item in items {
                            let _ = writeln!(out, "- {}", plain(item));
                        }
                    }
                    Block::Table { header, rows } => {
                        let line = |cells: &[String]| {
                            let cells: Vec<String> = cells.iter().map(|cell| plain(cell)).collect();
                            format!("| {} |\n", cells.join(" | "))
                        };
                        out.push_str(&line(header));
                        let _ = writeln!(out, "|{}", " --- |".repeat(header.len()));
                        rows.iter().for_each(|row| out.push_str(&line(row)));
                    }
                }
            }
        }
        out
    }

    /// As a page of HTML.
    pub fn html(&self) -> String {
        let title = escaped(&self.title);
        let mut out = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
             <style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        );
        for section in &self.sections {
            let _ = writeln!(out, "<h2>{}</h2>", escaped(section.title));
            for block in &section.blocks {
                match block {
                    Block::Paragraph(text) => {
                        let _ = writeln!(out, "<p>{}</p>", escaped(text));
                    }
                    Block::List(items) => {
                        let items = items.iter().map(|item| format!("<li>{}</li>\n", escaped(item)));
                        let _ = writeln!(out, "<ul>\n{}</ul>", items.collect::<String>());
                    }
                    Block::Table { header, rows } => {
                        let line = |cells: &[String], tag: &str| {
                            let cells = cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell)));
                            format!("<tr>{}</tr>\n", cells.collect::<String>())
                        };
                        let rows: String = rows.iter().map(|row| line(row, "td")).collect();
                        let head = line(header, "th");
                        let _ = writeln!(
                            out,
                            "<table>\n<thead>\n{head}</thead>\n<tbody>\n{rows}</tbody>\n</table>"
                        );
                    }
                }
            }
        }
        out.push_str("</body>\n</html>\n");
        out
    }
}

/// A text as one line of Markdown that shows as it is, within a table too.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        // At the start of a line these would begin a list, a heading or a quotation.
        let digits = word.trim_start_matches(|c: char| c.is_ascii_digit());
        let numbered = digits.len() < word.len() && matches!(digits, "." | ")");
        let begins = out.is_empty() && (matches!(word, "-" | "+") || word.starts_with('='));
        if begins {
            out.push('\\');
        }
        for (place, c) in word.char_indices() {
            let ends_number = numbered && out.len() == place && matches!(c, '.' | ')');
            // An underscore within a word is one.
            let inner = c == '_' && place > 0 && place + 1 < word.len();
            if ends_number
                || !inner
                    && matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '&')
            {
                out.push('\\');
            }
            out.push(c);
        }
    }
    out
}

/// A text for HTML, within elements and quoted attributes; control characters that HTML forbids become blanks.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && c != '\n' && c != '\t' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_are_escaped() {
        assert_eq!(plain("a|b\n*c* <i> unit_price _x_"), "a\\|b \\*c\\* \\<i\\> unit_price \\_x\\_");
        assert_eq!(plain("- no list"), "\\- no list");
        assert_eq!(plain("1. no list, 2. neither"), "1\\. no list, 2. neither");
        assert_eq!(plain("-0.5 psi > 0.2"), "-0.5 psi \\> 0.2");
        assert_eq!(
            escaped("<script>alert(\"a\" & 'b')</script>\u{0}"),
            "&lt;script&gt;alert(&quot;a&quot; &amp; &#39;b&#39;)&lt;/script&gt; "
        );
    }

    proptest! {
        #[test]
        fn nothing_escapes(text in "\\PC*|[<>&\"'|\\n\\r`*_#\\-a1. ]{0,30}") {
            let document = Document {
                title: text.clone(),
                sections: vec![Section {
                    title: "S",
                    blocks: vec![Block::Table { header: vec![text.clone()], rows: vec![vec![text.clone()]] }],
                }],
            };
            let (page, empty) = (document.html(), Document { title: String::new(), ..document.clone() }.html());
            // Markup is ours alone: tags do not depend on the text.
            prop_assert_eq!(page.matches('<').count(), empty.matches('<').count());
            let markdown = document.markdown();
            prop_assert_eq!(markdown.lines().count(), 7);
            prop_assert!(!plain(&text).replace("\\\\", "").replace("\\|", "").contains('|'));
        }
    }
}
