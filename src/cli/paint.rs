//! Colours, where they are wanted.

use std::io::IsTerminal;

/// Paints text for one output, or leaves it as it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    enabled: bool,
}

impl Paint {
    /// For standard error. `never` is `--no-color`; `NO_COLOR` is honoured (<https://no-color.org>).
    pub fn stderr(never: bool) -> Self {
        Self { enabled: !never && wanted() && std::io::stderr().is_terminal() }
    }

    /// For standard output.
    pub fn stdout(never: bool) -> Self {
        Self { enabled: !never && wanted() && std::io::stdout().is_terminal() }
    }

    pub fn is_enabled(self) -> bool {
        self.enabled
    }
    pub fn red(self, text: &str) -> String {
        self.paint("1;31", text)
    }
    pub fn yellow(self, text: &str) -> String {
        self.paint("33", text)
    }
    pub fn green(self, text: &str) -> String {
        self.paint("32", text)
    }
    pub fn blue(self, text: &str) -> String {
        self.paint("36", text)
    }
    pub fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }
    pub fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.enabled { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_string() }
    }
}

fn wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
