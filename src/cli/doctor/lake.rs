//! The lake: whether it can be read and written, whether everything published is there, and what lies about.

use std::collections::{BTreeMap, BTreeSet};

use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};

use super::Examination;
use crate::app::App;
use crate::cli::human::{bytes, count, counted};
use crate::clock;
use crate::error::Result;
use crate::ids::{RelationName, RunId};
use crate::lake::system::SliceRow;
use crate::lake::{Binding, Manifest};
use crate::run::system_rows;

/// So many names are said; the rest is counted.
const NAMED: usize = 3;

/// Whether a small object can be written, read and removed.
pub(super) async fn reachable(app: &App, examination: &mut Examination<'_>) -> bool {
    let url = app.lake.url();
    let folder = url.to_file_path().ok();
    let is_new = folder.as_ref().is_some_and(|folder| !folder.exists());
    let result = round_trip(app).await;
    if let (true, Some(folder)) = (is_new, &folder) {
        // Leave no trace: the folder was made for the probe. It is kept if anything else came into it.
        let _ = std::fs::remove_dir(folder);
    }
    match result {
        Ok(()) => {
            examination.ok("lake", format!("{url} can be read and written"));
            true
        }
        Err(error) => {
            examination.error(
                "lake",
                &error,
                "Check that the lake's folder is readable and writable, and the disk not full.",
            );
            false
        }
    }
}

async fn round_trip(app: &App) -> Result<()> {
    let store = app.lake.store();
    // Any name will do that no table has; the time makes it one that nobody else writes.
    let name = format!(".doctor-{}", RunId::generate(clock::now()));
    let root = app.lake.folder(&RelationName::system("manifest"));
    let root: object_store::path::Path = {
        let parts: Vec<_> = root.parts().collect();
        parts[..parts.len() - 2].iter().cloned().collect()
    };
    let path = root.join(name.as_str());
    store.put(&path, PutPayload::from_static(b"twinlake doctor")).await?;
    let read = store.get(&path).await;
    store.delete(&path).await?;
    read?.bytes().await?;
    Ok(())
}

/// Everything published, and everything else.
pub(super) async fn examine(app: &App, examination: &mut Examination<'_>) {
    let Some(manifest) = super::manifest(app, examination).await else { return };
    let size = files(app, &manifest, examination).await;
    leftovers(app, &manifest, size, examination).await;
    accounts(app, &manifest, examination).await;
}

/// Whether every file of every published version is there, and has its size. Gives the bytes of all of them.
async fn files(app: &App, manifest: &Manifest, examination: &mut Examination<'_>) -> u64 {
    let (mut tables, mut files, mut size) = (0, 0, 0);
    let mut damaged: Vec<String> = Vec::new();
    // Tables that a run cannot make anew, since it continues from them.
    let mut of_its_own = false;
    for (name, version) in versions(manifest) {
        tables += 1;
        let before = damaged.len();
        let version = match app.lake.version(&name, version).await {
            Ok(version) => version,
            Err(error) => {
                damaged.push(error.message().to_string());
                of_its_own |= name.is_system();
                continue;
            }
        };
        let folder = app.lake.folder(&name);
        for file in &version.files {
            files += 1;
            size += file.size;
            match app.lake.store().head(&folder.clone().join(file.path.as_str())).await {
                Ok(meta) if meta.size == file.size => {}
                Ok(meta) => damaged
                    .push(format!("{name}/{} has {} bytes instead of {}", file.path, meta.size, file.size)),
                Err(object_store::Error::NotFound { .. }) => {
                    damaged.push(format!("{name}/{} is gone", file.path))
                }
                Err(error) => damaged.push(format!("{name}/{}: {error}", file.path)),
            }
        }
        of_its_own |= name.is_system() && damaged.len() > before;
    }
    match damaged.is_empty() {
        true => examination.ok(
            "tables",
            format!("{} in {}, {}: all there", counted(tables, "table"), counted(files, "file"), bytes(size)),
        ),
        false => examination.fail(
            "tables",
            some_of(&damaged),
            match of_its_own {
                true => "Restore the lake from a backup; or move it away, and land everything anew with `twinlake run`.",
                false => "Restore the lake from a backup; or remove the folders of these tables, and make them anew with `twinlake run --full`.",
            },
        ),
    }
    size
}

/// Versions that no manifest names, and files that no version does: what killed runs leave behind, and what a run wrote
/// and replaced before it committed. They only take space, so only much of it is worth a warning.
async fn leftovers(app: &App, manifest: &Manifest, published: u64, examination: &mut Examination<'_>) {
    let mut unpublished: Vec<String> = Vec::new();
    let (mut files, mut size) = (0, 0);
    for (name, version) in versions(manifest) {
        if let Ok(Some(newest)) = app.lake.newest(&name).await
            && newest > version
            && !is_same(app, &name, version, newest).await
        {
            unpublished.push(format!("{name} has version {newest}, published is {version}"));
        }
        match unreferenced(app, &name).await {
            Ok(found) => {
                files += found.len();
                size += found.values().sum::<u64>();
            }
            Err(error) => examination.error("leftovers", &error, "Look at the table's folder in the lake."),
        }
    }
    let harmless = "Harmless, and readers never see them: what a killed run leaves. The next run of these tables replaces them.";
    match unpublished.is_empty() {
        true => examination.ok("versions", "every table's newest version is the published one"),
        false => examination.warn("versions", some_of(&unpublished), harmless),
    }
    let found = format!("{} of no version, {}", counted(files, "file"), bytes(size));
    match size > published {
        true => examination.warn(
            "leftovers",
            found,
            "Readers never see them. They may be deleted while no run is going on.",
        ),
        false => examination.ok("leftovers", found),
    }
}

/// A failed run takes back what it committed by committing the published files once more: that is no leftover.
async fn is_same(app: &App, name: &RelationName, published: u64, newest: u64) -> bool {
    let both = (app.lake.version(name, published).await, app.lake.version(name, newest).await);
    matches!(both, (Ok(published), Ok(newest)) if published.files == newest.files)
}

/// Data files of a table that no version of it ever named, with their sizes.
async fn unreferenced(app: &App, name: &RelationName) -> Result<BTreeMap<String, u64>> {
    let store = app.lake.store();
    let folder = app.lake.folder(name);
    let mut data = BTreeMap::new();
    let mut logs = Vec::new();
    let mut listing = store.list(Some(&folder));
    while let Some(object) = listing.try_next().await? {
        let file = object.location.filename().unwrap_or_default();
        match file.rsplit_once('.') {
            Some((_, "parquet")) if !object.location.as_ref().contains("/_delta_log/") => {
                data.insert(file.to_string(), object.size);
            }
            Some((_, "json")) if object.location.as_ref().contains("/_delta_log/") => {
                logs.push(object.location)
            }
            _ => {}
        }
    }
    for log in logs {
        let text = store.get(&log).await?.bytes().await?;
        let actions = text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
        for action in actions {
            let action: serde_json::Value = action;
            if let Some(path) = action.pointer("/add/path").and_then(|path| path.as_str()) {
                data.remove(path);
            }
        }
    }
    Ok(data)
}

/// Whether every slice's rows add up.
async fn accounts(app: &App, manifest: &Manifest, examination: &mut Examination<'_>) {
    let binding = Binding::of(std::sync::Arc::new(manifest.clone()));
    let slices: Vec<SliceRow> = match system_rows(&app.engine, &binding, "run_id, relation, uri").await {
        Ok(slices) => slices,
        Err(error) => {
            examination.error("accounts", &error, "twin.slices cannot be read.");
            return;
        }
    };
    let wrong: Vec<String> = slices
        .iter()
        .filter(|slice| slice.rows_read != slice.rows_landed + slice.rows_unchanged + slice.rows_rejected)
        .map(|slice| format!("{} of {} in run {}", slice.uri, slice.relation, slice.run_id))
        .collect();
    match wrong.is_empty() {
        true => {
            let sum = |of: fn(&SliceRow) -> i64| count(slices.iter().map(of).sum::<i64>().unsigned_abs());
            examination.ok(
                "accounts",
                format!(
                    "{}: {} rows read = {} landed + {} unchanged + {} rejected",
                    counted(slices.len(), "slice"),
                    sum(|slice| slice.rows_read),
                    sum(|slice| slice.rows_landed),
                    sum(|slice| slice.rows_unchanged),
                    sum(|slice| slice.rows_rejected),
                ),
            );
        }
        false => examination.fail(
            "accounts",
            format!("rows do not add up: {}", some_of(&wrong)),
            "This is a bug in Twinlake. Please report it; `twinlake run --full` lands the tables anew.",
        ),
    }
}

/// The published versions, of the manifest itself too.
fn versions(manifest: &Manifest) -> Vec<(RelationName, u64)> {
    let published = manifest.relations.iter();
    let stored = published.filter_map(|(name, published)| Some((name.clone(), published.version?)));
    let own = manifest.number.map(|number| (RelationName::system("manifest"), number));
    stored.chain(own).collect::<BTreeSet<_>>().into_iter().collect()
}

fn some_of(all: &[String]) -> String {
    let named = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    match all.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named}; and {} more", count(more as u64)),
    }
}
