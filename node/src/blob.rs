//! Blobs on disk: content by its BLAKE3 hash, checked before anybody sees it.
//!
//! ```text
//! <dir>/ab/<hash>        the content; there only if it was read back and has that hash
//! <dir>/ab/<hash>.bao    the hash tree over 16 KiB groups (post-order), if there is more than one group
//! <dir>/partial/<hash>   a download on its way, and <hash>.map: which segments of it are on disk
//! <dir>/new/<n>          an import on its way
//! ```
//! A file gets its final name by rename, after its bytes reached the disk: a crash leaves either the whole blob or a
//! download that resumes. Every function here blocks on the disk: call it off the async threads.

mod import;
mod partial;

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bao_tree::{
    BaoTree, BlockSize, ChunkNum, ChunkRanges,
    io::{
        outboard::PostOrderOutboard,
        sync::{encode_ranges_validated, outboard_post_order},
    },
};
use hutong_protocol::{BlobHash, limits::BLOB_BYTES_MAX};

pub use self::{
    import::BlobImport,
    partial::{PartialBlob, Segment},
};

/// 16 KiB: the smallest piece that can be checked by itself. 64 bytes of tree for each keeps the tree at 0.4 %.
const GROUP: BlockSize = BlockSize::from_chunk_log(4);
/// What is asked for at a time, in bytes: large enough that a round trip is a small part of it, small enough that a
/// slow link delivers it within a request's time, and that little is lost with a lying holder.
pub const SEGMENT_BYTES: u64 = 256 * 1024;
/// Most bytes that the hashes beside one segment can take: 16 groups, and the path from the root of the largest blob.
pub const SEGMENT_PROOF_BYTES_MAX: u64 = 4 * 1024;

/// Why the blob store refused.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// Larger than any blob may be.
    #[error("{size} bytes are too many: a file can have at most {BLOB_BYTES_MAX} bytes; make it smaller")]
    TooLarge {
        /// Its size in bytes, as far as it was read.
        size: u64,
    },
    /// The quota is used up.
    #[error("the room for files is used up: remove some, or give them more room in the settings")]
    Full,
    /// Not here.
    #[error("this file is not here")]
    Absent,
    /// The bytes do not belong to the hash.
    #[error("the bytes are not those of this file; they were thrown away")]
    Lying,
    /// The file on disk is no longer what was written.
    #[error("the file {0} is damaged on disk; remove it and fetch it again")]
    Damaged(BlobHash),
    /// The operating system refused.
    #[error("could not {doing}: {source}; check the disk and the data directory's permissions")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// Its words.
        source: Arc<io::Error>,
    },
}

/// Turns an I/O error into ours, telling a full disk from everything else.
fn failed(doing: &'static str) -> impl Fn(io::Error) -> BlobError {
    move |source| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => BlobError::Full,
        _ => BlobError::Io { doing, source: Arc::new(source) },
    }
}

/// How much is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BlobStats {
    /// Complete blobs.
    pub count: u64,
    /// Their bytes, and those set aside for downloads on their way.
    pub bytes: u64,
}

/// The blobs of one node. Share it in an `Arc`.
#[derive(Debug)]
pub struct BlobStore {
    directory: PathBuf,
    quota_bytes: u64,
    count: AtomicU64,
    bytes: AtomicU64,
    next_import: AtomicU64,
    /// Held while a file gets its name, so that the same content is never counted twice.
    shelving: Mutex<()>,
}

impl BlobStore {
    /// Opens the store in `directory` (made if absent) with room for `quota_bytes`. Throws unfinished imports away and
    /// keeps unfinished downloads.
    ///
    /// # Errors
    /// [`BlobError::Io`] if the directory cannot be used.
    pub fn open(directory: &Path, quota_bytes: u64) -> Result<Self, BlobError> {
        let store = Self {
            directory: directory.to_owned(),
            quota_bytes,
            count: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            next_import: AtomicU64::new(0),
            shelving: Mutex::new(()),
        };
        let imports = store.directory.join("new");
        match fs::remove_dir_all(&imports) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove unfinished imports")(error));
            }
            _ => {}
        }
        for made in [&imports, &store.directory.join("partial")] {
            fs::create_dir_all(made).map_err(failed("make the directory for files"))?;
        }
        store.count_what_is_there().map_err(failed("look at the stored files"))?;
        Ok(store)
    }

    fn count_what_is_there(&self) -> io::Result<()> {
        for shelf in fs::read_dir(&self.directory)? {
            let shelf = shelf?;
            if !shelf.file_type()?.is_dir() {
                continue;
            }
            let partial = shelf.file_name() == "partial";
            for file in fs::read_dir(shelf.path())? {
                let file = file?;
                let Ok(name) = file.file_name().into_string() else { continue };
                if name.parse::<BlobHash>().is_ok() {
                    self.bytes.fetch_add(file.metadata()?.len(), Ordering::Relaxed);
                    self.count.fetch_add(u64::from(!partial), Ordering::Relaxed);
                }
            }
        }
        Ok(())
    }

    fn path(&self, hash: &BlobHash) -> PathBuf {
        let name = hash.to_string();
        self.directory.join(name.get(..2).unwrap_or_default()).join(name)
    }

    fn tree_path(&self, hash: &BlobHash) -> PathBuf {
        self.path(hash).with_extension("bao")
    }

    /// Whether the whole blob is here.
    #[must_use]
    pub fn contains(&self, hash: &BlobHash) -> bool {
        self.path(hash).is_file()
    }

    /// Its size in bytes, if it is here.
    #[must_use]
    pub fn size(&self, hash: &BlobHash) -> Option<u64> {
        fs::metadata(self.path(hash)).ok().filter(fs::Metadata::is_file).map(|metadata| metadata.len())
    }

    /// The blob as a file, to be read from (its content was checked when it came in).
    ///
    /// # Errors
    /// [`BlobError::Absent`], or [`BlobError::Io`].
    pub fn file(&self, hash: &BlobHash) -> Result<File, BlobError> {
        File::open(self.path(hash)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => BlobError::Absent,
            _ => failed("open a file")(error),
        })
    }

    /// The whole content: for pictures and other small blobs.
    ///
    /// # Errors
    /// As [`BlobStore::file`].
    pub fn read(&self, hash: &BlobHash) -> Result<Vec<u8>, BlobError> {
        let mut bytes = Vec::new();
        self.file(hash)?.read_to_end(&mut bytes).map_err(failed("read a file"))?;
        Ok(bytes)
    }

    /// Every whole blob, in no order.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub fn list(&self) -> Result<Vec<BlobHash>, BlobError> {
        let list = || {
            let mut hashes = Vec::new();
            for shelf in fs::read_dir(&self.directory)? {
                let shelf = shelf?;
                if !shelf.file_type()?.is_dir() || shelf.file_name() == "partial" {
                    continue;
                }
                for file in fs::read_dir(shelf.path())? {
                    let name = file?.file_name();
                    hashes.extend(name.to_str().and_then(|name| name.parse::<BlobHash>().ok()));
                }
            }
            Ok(hashes)
        };
        list().map_err(failed("look at the stored files"))
    }

    /// Whether a blob's bytes are still what its hash says. Reads all of it.
    ///
    /// # Errors
    /// [`BlobError::Absent`], [`BlobError::Io`].
    pub fn is_intact(&self, hash: &BlobHash) -> Result<bool, BlobError> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(self.file(hash)?).map_err(failed("read a file"))?;
        Ok(hasher.finalize().as_bytes() == hash.as_bytes())
    }

    /// How much is stored.
    #[must_use]
    pub fn stats(&self) -> BlobStats {
        BlobStats { count: self.count.load(Ordering::Relaxed), bytes: self.bytes.load(Ordering::Relaxed) }
    }

    /// Stores these bytes. Storing what is there already is no error.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`], [`BlobError::Full`], [`BlobError::Io`].
    pub fn import(&self, bytes: &[u8]) -> Result<BlobHash, BlobError> {
        self.import_reader(bytes)
    }

    /// Stores what `reader` yields.
    ///
    /// # Errors
    /// As [`BlobStore::import`].
    pub fn import_reader(&self, mut reader: impl Read) -> Result<BlobHash, BlobError> {
        let mut import = self.start_import()?;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = reader.read(&mut buffer).map_err(failed("read what is to be imported"))?;
            match buffer.get(..read) {
                None | Some([]) => return import.finish(),
                Some(bytes) => import.write(bytes)?,
            }
        }
    }

    /// Starts an import that is fed piece by piece, as an upload arrives.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub fn start_import(&self) -> Result<BlobImport<'_>, BlobError> {
        let number = self.next_import.fetch_add(1, Ordering::Relaxed);
        let path = self.directory.join("new").join(number.to_string());
        let file = File::options().read(true).write(true).create_new(true).open(&path);
        let file = file.map_err(failed("start an import"))?;
        Ok(BlobImport::new(self, path, file))
    }

    /// Forgets a blob. Removing what is not here is no error.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub fn remove(&self, hash: &BlobHash) -> Result<(), BlobError> {
        let Some(size) = self.size(hash) else { return Ok(()) };
        fs::remove_file(self.path(hash)).map_err(failed("remove a file"))?;
        self.release(size);
        self.count.fetch_sub(1, Ordering::Relaxed);
        remove_if_there(&self.tree_path(hash)).map_err(failed("remove a file's hash tree"))
    }

    /// Forgets a download on its way. It must not be running. Removing what is not here is no error.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub fn remove_partial(&self, hash: &BlobHash) -> Result<(), BlobError> {
        let (data, map) = partial::paths(self, hash);
        let Ok(metadata) = fs::metadata(&data) else { return Ok(()) };
        remove_if_there(&map).and_then(|()| remove_if_there(&data)).map_err(failed("remove a download"))?;
        self.release(metadata.len());
        Ok(())
    }

    /// How many bytes of a download on its way are here; 0 if there is none.
    #[must_use]
    pub fn received(&self, hash: &BlobHash) -> u64 {
        partial::received(self, hash)
    }

    /// Bytes of a download on its way, from `start` on and to the end of their segment at most; `None` if they have not
    /// come. They were checked when they came. `size`: that of the blob.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub fn read_partial(
        &self,
        hash: &BlobHash,
        size: u64,
        start: u64,
        most: u64,
    ) -> Result<Option<Vec<u8>>, BlobError> {
        partial::read(self, hash, size, start, most)
    }

    /// Sets bytes aside, or refuses.
    fn reserve(&self, size: u64) -> Result<(), BlobError> {
        let within = |bytes: u64| bytes.checked_add(size).filter(|bytes| *bytes <= self.quota_bytes);
        let reserved = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within);
        reserved.map(|_| ()).map_err(|_| BlobError::Full)
    }

    fn release(&self, size: u64) {
        self.bytes.fetch_sub(size, Ordering::Relaxed);
    }

    /// Gives a complete, synced file its final name, with its hash tree beside it. The content must hash to `hash`:
    /// this is the last check before anybody sees it. The room reserved for it belongs to the blob afterwards.
    fn shelve(&self, from: &Path, hash: &BlobHash, size: u64) -> Result<(), BlobError> {
        let path = self.path(hash);
        let shelf = path.parent().unwrap_or(&self.directory).to_owned();
        fs::create_dir_all(&shelf).map_err(failed("make a directory for files"))?;
        let tree = BaoTree::new(size, GROUP);
        let data = File::open(from).map_err(failed("read a file back"))?;
        let tree_path = self.tree_path(hash);
        let mut tree_file = io::BufWriter::new(File::create(&tree_path).map_err(failed("write a file's hash tree"))?);
        let root = outboard_post_order(io::BufReader::with_capacity(256 * 1024, data), tree, &mut tree_file)
            .map_err(failed("hash a file"))?;
        let tree_file =
            tree_file.into_inner().map_err(|error| failed("write a file's hash tree")(error.into_error()))?;
        if root.as_bytes() != hash.as_bytes() {
            drop(tree_file);
            remove_if_there(&tree_path).map_err(failed("remove a file's hash tree"))?;
            return Err(BlobError::Lying);
        }
        if tree.outboard_size() == 0 {
            remove_if_there(&tree_path).map_err(failed("remove a file's hash tree"))?;
        } else {
            tree_file.sync_all().map_err(failed("write a file's hash tree to the disk"))?;
        }
        let _one_at_a_time = self.shelving.lock().unwrap_or_else(PoisonError::into_inner);
        if path.is_file() {
            // Somebody else was faster with the same content; keep one, and count it once.
            self.release(size);
            return remove_if_there(from).map_err(failed("remove a second copy"));
        }
        fs::rename(from, &path).map_err(failed("name a file"))?;
        // The name itself reaches the disk only with its directory.
        File::open(&shelf).and_then(|shelf| shelf.sync_all()).map_err(failed("write a directory to the disk"))?;
        self.count.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// The bytes of the segment at `offset` (`None`: the last one), with the hashes that prove them, and the blob's
    /// size. The bytes are checked against the tree first, so damage on this disk is never served.
    ///
    /// # Errors
    /// [`BlobError::Absent`] also if `offset` lies behind the end; [`BlobError::Damaged`].
    pub fn segment(&self, hash: &BlobHash, offset: Option<u64>) -> Result<(u64, Vec<u8>), BlobError> {
        let data = self.file(hash)?;
        let size = data.metadata().map_err(failed("look at a file"))?.len();
        let segment = match offset {
            None => Segment::last(size),
            Some(offset) => Segment::at(offset, size).ok_or(BlobError::Absent)?,
        };
        let tree = BaoTree::new(size, GROUP);
        let root = blake3::Hash::from_bytes(hash.0);
        let mut encoded = Vec::new();
        let proved = if tree.outboard_size() == 0 {
            let outboard = PostOrderOutboard { root, tree, data: Vec::new() };
            encode_ranges_validated(&data, &outboard, &segment.chunks(), &mut encoded)
        } else {
            let tree_file = File::open(self.tree_path(hash)).map_err(failed("read a file's hash tree"))?;
            let outboard = PostOrderOutboard { root, tree, data: tree_file };
            encode_ranges_validated(&data, &outboard, &segment.chunks(), &mut encoded)
        };
        proved.map_err(|error| {
            tracing::warn!(%hash, %error, "a stored file does not match its hash");
            BlobError::Damaged(*hash)
        })?;
        Ok((size, encoded))
    }

    /// Starts or resumes the download of a blob whose size has been proved.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`], [`BlobError::Full`], [`BlobError::Io`].
    pub fn download(self: &Arc<Self>, hash: BlobHash, size: u64) -> Result<PartialBlob, BlobError> {
        PartialBlob::open(Arc::clone(self), hash, size)
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The chunks (1 KiB each, as BLAKE3 counts) of a byte range whose start is on a group.
fn chunks_of(start: u64, end: u64) -> ChunkRanges {
    ChunkRanges::from(ChunkNum::full_chunks(start)..ChunkNum::chunks(end).max(ChunkNum(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn content(size: usize) -> Vec<u8> {
        (0..size).map(|index| (index.wrapping_mul(31) ^ (index >> 8)) as u8).collect()
    }

    #[test]
    fn what_was_imported_is_there_after_a_restart_with_the_same_count() {
        let directory = tempfile::tempdir().unwrap();
        let store = BlobStore::open(directory.path(), 1 << 30).unwrap();
        let mut stored = 0;
        for size in [0, 1, 1024, 16 * 1024, 16 * 1024 + 1, 300_000, 700_001] {
            let bytes = content(size);
            let hash = store.import(&bytes).unwrap();
            assert_eq!(hash.as_bytes(), blake3::hash(&bytes).as_bytes());
            assert_eq!(store.import(&bytes).unwrap(), hash, "storing it twice stores it once");
            assert_eq!((store.read(&hash).unwrap(), store.size(&hash)), (bytes, Some(size as u64)));
            stored += size as u64;
        }
        let stats = BlobStats { count: 7, bytes: stored };
        assert_eq!(store.stats(), stats);
        assert_eq!(BlobStore::open(directory.path(), 1 << 30).unwrap().stats(), stats);
    }

    #[test]
    fn the_quota_holds_to_the_byte_and_removal_gives_room_back() {
        let directory = tempfile::tempdir().unwrap();
        let store = BlobStore::open(directory.path(), 1000).unwrap();
        let hash = store.import(&content(1000)).unwrap();
        assert!(matches!(store.import(&[1]), Err(BlobError::Full)));
        assert!(matches!(store.import(&content(1001)), Err(BlobError::Full)));
        assert_eq!(store.stats(), BlobStats { count: 1, bytes: 1000 });
        store.remove(&hash).unwrap();
        store.remove(&hash).unwrap();
        assert_eq!(store.stats(), BlobStats::default());
        assert!(matches!(store.read(&hash), Err(BlobError::Absent)));
        store.import(&content(1000)).unwrap();
    }

    #[test]
    fn damage_on_disk_is_never_served() {
        let directory = tempfile::tempdir().unwrap();
        let store = BlobStore::open(directory.path(), 1 << 30).unwrap();
        let hash = store.import(&content(100_000)).unwrap();
        assert!(store.segment(&hash, Some(0)).is_ok());
        let mut bytes = content(100_000);
        bytes[50_000] ^= 1;
        fs::write(store.path(&hash), bytes).unwrap();
        assert!(matches!(store.segment(&hash, Some(0)), Err(BlobError::Damaged(damaged)) if damaged == hash));
        assert!(matches!(store.segment(&hash, Some(SEGMENT_BYTES)), Err(BlobError::Absent)), "behind the end");
    }
}
