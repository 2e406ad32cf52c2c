//! Long output on a terminal goes through a pager, as in git.

use std::io::Write;
use std::process::{Child, Command, Stdio};

use super::Console;
use crate::error::Result;

/// Shows text on the terminal: through `$PAGER`, else `less`, else as it is. `less` ends by itself where all of it fits
/// the screen, and cuts long lines instead of wrapping them.
pub(super) fn show(text: &str, console: &Console) -> Result<()> {
    let Some(mut pager) = start(console) else { return console.print(text) };
    if let Some(pipe) = pager.stdin.take() {
        // Leaving the pager before the end closes the pipe: no error.
        let _ = console.closing(pipe).write_all(text.as_bytes());
    }
    pager.wait()?;
    Ok(())
}

fn start(console: &Console) -> Option<Child> {
    let mut command = match console.env().get("PAGER").map(|pager| pager.trim()) {
        Some("" | "cat") => return None,
        Some(pager) => {
            let mut shell = Command::new("sh");
            shell.args(["-c", pager]);
            shell
        }
        None => Command::new("less"),
    };
    if !console.env().contains_key("LESS") {
        command.env("LESS", "FRSX");
    }
    command.stdin(Stdio::piped()).spawn().ok()
}
