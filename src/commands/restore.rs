//! `hutong restore`: a backup into an empty data directory, whole or not at all.

use std::{
    fs::{self, File},
    io::{BufReader, Read},
    path::{Path, PathBuf},
};

use hutong_node::{
    backup::{self, BackupError, Counts},
    blob::BlobStore,
    clock,
    handle::{STORE_DIR, make_private_dir},
    store::{SledOptions, SledStore},
};
use serde_json::json;

use super::{
    archive::{self, ArchiveError},
    blocking, secret,
};
use crate::{cli::ArchiveArgs, config::Settings, failure::Failure, output::Output};

/// Where a restore works until it is whole.
const WORKSHOP: &str = "restoring";
/// What may be in the directory before.
const MAY_BE_THERE: [&str; 2] = ["config.toml", WORKSHOP];

/// Brings the backup back.
///
/// # Errors
/// If the directory is not empty, the passphrase wrong, or the file no whole backup.
pub(super) async fn run(args: ArchiveArgs, settings: Settings, output: Output) -> Result<(), Failure> {
    let data_dir = settings.data_dir.clone();
    require_empty(&data_dir)?;
    let file = File::open(&args.file)
        .map_err(|error| Failure::bad_input(format!("cannot read {}: {error}", args.file.display())))?;
    let passphrase = secret::passphrase(args.passphrase_file.as_deref(), false)?;
    let progress = output.progress("Restoring", 0);
    let counts = blocking(move || {
        let mut stream = archive::open(BufReader::new(file), passphrase)?;
        restore(&mut stream, &data_dir, &mut |done| progress.set(done, 0))
    })
    .await?;
    output.value(&json!({ "data_dir": settings.data_dir, "rows": counts.rows, "files": counts.files }));
    output.say(&format!("{} rows and {} files are in {}.", counts.rows, counts.files, settings.data_dir.display()));
    output.say(
        "It is a new device of the account, and takes the old one's place: that one is revoked as soon as this runs.",
    );
    Ok(())
}

/// Restores beside, then moves into place: a restore that broke off leaves no half of a node.
fn restore(stream: &mut dyn Read, data_dir: &Path, progress: &mut dyn FnMut(u64)) -> Result<Counts, Failure> {
    make_private_dir(data_dir)?;
    let workshop = Workshop::open(data_dir)?;
    let store = SledStore::open(&workshop.path.join(STORE_DIR), SledOptions::default())?;
    let blobs = BlobStore::open(&workshop.path.join("blobs"), u64::MAX).map_err(BackupError::from);
    let mut fresh = [0; 32];
    getrandom::fill(&mut fresh).map_err(|error| Failure::failed(format!("no randomness: {error}")))?;
    let counts = backup::restore(stream, &store, &blobs.map_err(ArchiveError::from)?, (&fresh, clock::now()), progress)
        .map_err(ArchiveError::from)?;
    // Closed before it is moved.
    drop(store);
    for part in ["blobs", "store"] {
        let target = data_dir.join(part);
        fs::rename(workshop.path.join(part), &target).map_err(Failure::io("write", &target))?;
    }
    Ok(counts)
}

fn require_empty(data_dir: &Path) -> Result<(), Failure> {
    let entries = match fs::read_dir(data_dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Failure::io("read", data_dir)(error)),
    };
    for entry in entries {
        let name = entry.map_err(Failure::io("read", data_dir))?.file_name();
        if !MAY_BE_THERE.iter().any(|known| name == *known) {
            return Err(Failure::failed(format!(
                "{} is not empty ({} is in it): restore into a new directory with --data-dir",
                data_dir.display(),
                name.display()
            )));
        }
    }
    Ok(())
}

/// A directory that is removed with everything in it when it is dropped.
struct Workshop {
    path: PathBuf,
}

impl Workshop {
    /// Makes it, empty: what a restore that was killed left in it goes.
    fn open(data_dir: &Path) -> Result<Self, Failure> {
        let path = data_dir.join(WORKSHOP);
        if path.exists() {
            fs::remove_dir_all(&path).map_err(Failure::io("remove", &path))?;
        }
        fs::create_dir(&path).map_err(Failure::io("make", &path))?;
        Ok(Self { path })
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "what a restore left behind could not be removed");
        }
    }
}
