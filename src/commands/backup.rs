//! `hutong backup`: everything that matters, in one encrypted file.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use age::secrecy::SecretString;
use hutong_node::{
    blob::BlobStore,
    store::{SledOptions, SledStore, migrate},
};
use serde_json::json;

use super::{
    archive::{self, Counts, WORK_FACTOR},
    blocking, secret,
};
use crate::{
    cli::ArchiveArgs,
    config::Settings,
    failure::{Exit, Failure},
    output::{Output, Progress},
};

/// Writes the file.
///
/// # Errors
/// If there is nothing to back up, the node runs, or the file exists.
pub(super) async fn run(args: ArchiveArgs, settings: Settings, output: Output) -> Result<(), Failure> {
    if args.file.exists() {
        let message = format!("{} exists already: choose another name, or remove it first", args.file.display());
        return Err(Failure::bad_input(message));
    }
    let store = blocking({
        let data_dir = settings.data_dir.clone();
        move || open_store(&data_dir)
    })
    .await?;
    let passphrase = secret::passphrase(args.passphrase_file.as_deref(), true)?;
    let progress = output.progress("Backing up", 0);
    let (file, data_dir) = (args.file.clone(), settings.data_dir);
    let counts = blocking(move || {
        // Only to be read from; the quota is for what comes in.
        let blobs = BlobStore::open(&data_dir.join("blobs"), u64::MAX).map_err(archive::ArchiveError::from)?;
        write_file(&file, &store, &blobs, passphrase, &progress)
    })
    .await?;
    output.value(&json!({ "file": args.file, "rows": counts.rows, "files": counts.files }));
    output.say(&format!("{}: {} rows and {} files.", args.file.display(), counts.rows, counts.files));
    output.say("Without the passphrase it is worthless; keep the two apart.");
    Ok(())
}

/// Opens the store of an existing data directory.
pub(super) fn open_store(data_dir: &Path) -> Result<SledStore, Failure> {
    let directory = data_dir.join("store");
    if !directory.is_dir() {
        return Err(Failure::failed(format!("there is no node in {}: choose its --data-dir", data_dir.display())));
    }
    let in_use = |failure: Failure| if failure.exit == Exit::InUse { Failure::in_use(data_dir) } else { failure };
    let store = SledStore::open(&directory, SledOptions::default()).map_err(|error| in_use(error.into()))?;
    migrate(&store)?;
    Ok(store)
}

/// Under another name until it is whole and on disk: a file with the right name is a backup.
fn write_file(
    path: &Path,
    store: &SledStore,
    blobs: &BlobStore,
    passphrase: SecretString,
    progress: &Progress,
) -> Result<Counts, Failure> {
    let beside = Unfinished::create(path)?;
    let mut out = BufWriter::new(&beside.file);
    let counts = archive::write(store, blobs, &mut out, passphrase, WORK_FACTOR, &mut |done| progress.set(done, 0))?;
    out.flush().and_then(|()| beside.file.sync_all()).map_err(Failure::io("write", &beside.path))?;
    drop(out);
    fs::rename(&beside.path, path).map_err(Failure::io("write", path))?;
    Ok(counts)
}

/// A file on its way; removed when dropped, unless it was renamed before.
struct Unfinished {
    path: PathBuf,
    file: File,
}

impl Unfinished {
    fn create(path: &Path) -> Result<Self, Failure> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let path = path.with_file_name(name);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(Failure::io("write", &path))?;
        Ok(Self { path, file })
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Gone already if it was finished.
        fs::remove_file(&self.path).ok();
    }
}
