//! `twinlake model card`

use std::path::PathBuf;

use clap::Args;

use super::{Console, Named, Past};
use crate::error::Result;

/// Print the card of a version: for whoever must answer for it, or live with it.
#[derive(Args)]
#[command(after_help = "The form is that of M. Mitchell et al., \"Model Cards for Model Reporting\" (2019).

Examples:
  twinlake model card mart.late_delivery
  twinlake model card mart.late_delivery --html --output card.html
  twinlake model card mart.late_delivery --version 2 --as-of 2026-03-01")]
pub(super) struct CardVerb {
    #[command(flatten)]
    named: Named,

    /// The version; the champion unless given.
    #[arg(long, value_name = "N")]
    version: Option<i64>,

    /// As a page of HTML instead of Markdown.
    #[arg(long)]
    html: bool,

    /// Write it to FILE.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    past: Past,
}

impl CardVerb {
    pub async fn run(&self, console: &Console) -> Result<()> {
        let app = console.app()?;
        let (_, node) = self.named.find(&app)?;
        let manifest = app.manifest(&self.past.when()?).await?;
        let text = node.card(&app.engine, manifest, self.version, self.html).await?;
        match &self.output {
            Some(file) => {
                let file = console.path(file);
                std::fs::write(&file, text)?;
                console.note(&format!("wrote {}", file.display()));
                Ok(())
            }
            None => console.print(&text),
        }
    }
}
