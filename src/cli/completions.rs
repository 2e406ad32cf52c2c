//! `twinlake completions`

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Console};
use crate::error::Result;

/// Print the completions for a shell.
#[derive(Args)]
#[command(after_help = "Examples:
  twinlake completions bash > ~/.local/share/bash-completion/completions/twinlake
  twinlake completions zsh > ~/.zfunc/_twinlake
  twinlake completions fish > ~/.config/fish/completions/twinlake.fish")]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub fn run(&self, console: &Console) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "twinlake", &mut script);
        console.print(&String::from_utf8_lossy(&script))
    }
}
