//! `hutong backup`: everything that matters, in one encrypted file.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Read, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use age::secrecy::SecretString;
use hutong_node::{
    backup::Snapshot,
    blob::BlobStore,
    handle::STORE_DIR,
    store::{SledOptions, SledStore, migrate},
};
use serde_json::json;
use tokio::sync::mpsc;

use super::{
    archive::{self, ArchiveError, WORK_FACTOR},
    blocking, secret,
};
use crate::{
    api::Api,
    cli::ArchiveArgs,
    config::Settings,
    failure::{Exit, Failure},
    output::{Output, Progress},
    running,
};

/// Pieces of a running node's backup on their way to be encrypted.
const PIECES_WAITING_MAX: usize = 16;

/// Writes the file, of a running node or of one that is not.
///
/// # Errors
/// If there is nothing to back up, something else uses the directory, or the file exists.
pub(super) async fn run(args: ArchiveArgs, settings: Settings, output: Output) -> Result<(), Failure> {
    if args.file.exists() {
        let message = format!("{} exists already: choose another name, or remove it first", args.file.display());
        return Err(Failure::bad_input(message));
    }
    let source = match running::find(&settings.data_dir).await? {
        Some(api) => Source::Running(api),
        None => Source::Stopped(
            blocking(move || open_store(&settings.data_dir).map(|store| (store, settings.data_dir))).await?,
        ),
    };
    let passphrase = secret::passphrase(args.passphrase_file.as_deref(), true)?;
    let progress = output.progress("Backing up (bytes)", 0);
    let file = args.file.clone();
    let bytes = match source {
        Source::Stopped((store, data_dir)) => {
            blocking(move || write_file(&file, &mut snapshot(&store, &data_dir)?, passphrase, &progress)).await?
        }
        Source::Running(api) => from_running(api, file, passphrase, progress).await?,
    };
    output.value(&json!({ "file": args.file, "bytes": bytes }));
    output.say(&format!("{}: {bytes} bytes, encrypted.", args.file.display()));
    output.say("Without the passphrase it is worthless; keep the two apart.");
    Ok(())
}

/// Where the backup comes from.
enum Source {
    Running(Api),
    Stopped((SledStore, PathBuf)),
}

fn snapshot(store: &SledStore, data_dir: &Path) -> Result<Snapshot, Failure> {
    // Only to be read from; the quota is for what comes in.
    let blobs =
        BlobStore::open(&data_dir.join("blobs"), u64::MAX).map_err(|error| ArchiveError::Backup(error.into()))?;
    let spool = tempfile::tempfile_in(data_dir).map_err(Failure::io("write into", data_dir))?;
    Ok(Snapshot::take(store, Arc::new(blobs), spool).map_err(ArchiveError::from)?)
}

/// The running node streams it; it is encrypted here, before it reaches a disk.
async fn from_running(api: Api, file: PathBuf, passphrase: SecretString, progress: Progress) -> Result<u64, Failure> {
    let mut response = api.stream("maintenance/backup").await?;
    let (pieces, waiting) = mpsc::channel(PIECES_WAITING_MAX);
    let written = tokio::spawn(blocking(move || {
        write_file(&file, &mut Pieces { waiting, current: io::Cursor::default() }, passphrase, &progress)
    }));
    loop {
        let piece = match response.chunk().await {
            Ok(Some(piece)) => Ok(piece.to_vec()),
            // An empty piece says that this was all, and not that the node broke off.
            Ok(None) => Ok(Vec::new()),
            Err(error) => Err(io::Error::other(error)),
        };
        let last = piece.as_ref().map_or(true, Vec::is_empty);
        if pieces.send(piece).await.is_err() || last {
            break;
        }
    }
    written.await.map_err(|error| Failure::failed(format!("the backup broke off: {error}")))?
}

/// Pieces from the network, as something to read from.
struct Pieces {
    waiting: mpsc::Receiver<io::Result<Vec<u8>>>,
    current: io::Cursor<Vec<u8>>,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.current.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let next = self.waiting.blocking_recv().unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))?;
            if next.is_empty() {
                return Ok(0);
            }
            self.current = io::Cursor::new(next);
        }
    }
}

/// Opens the store of an existing data directory.
pub(super) fn open_store(data_dir: &Path) -> Result<SledStore, Failure> {
    let directory = data_dir.join(STORE_DIR);
    if !directory.is_dir() {
        return Err(Failure::failed(format!("there is no node in {}: choose its --data-dir", data_dir.display())));
    }
    let in_use = |failure: Failure| if failure.exit == Exit::InUse { Failure::in_use(data_dir) } else { failure };
    let store = SledStore::open(&directory, SledOptions::default()).map_err(|error| in_use(error.into()))?;
    migrate(&store)?;
    Ok(store)
}

/// Under another name until it is whole and on disk: a file with the right name is a backup.
fn write_file(path: &Path, from: &mut dyn Read, passphrase: SecretString, progress: &Progress) -> Result<u64, Failure> {
    let beside = Unfinished::create(path)?;
    let mut out = BufWriter::new(&beside.file);
    let bytes = archive::seal(from, &mut out, passphrase, WORK_FACTOR, &mut |done| progress.set(done, 0))?;
    out.flush().and_then(|()| beside.file.sync_all()).map_err(Failure::io("write", &beside.path))?;
    drop(out);
    fs::rename(&beside.path, path).map_err(Failure::io("write", path))?;
    Ok(bytes)
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
