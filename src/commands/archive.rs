//! The backup file: the store's rows and the own files, in one stream that `age` encrypts with a passphrase.
//!
//! ```text
//! age (scrypt, ChaCha20-Poly1305 in 64 KiB chunks) of:
//!   "hutong-backup\n"  version (1 byte)
//!   'R' key length (4) value length (4) key value      a row, in key order
//!   'B' hash (32) length (8) content                   a file
//!   'E' rows (8) files (8)                             the end: without it the file is cut off
//! ```
//! Numbers are big-endian. Any `age` program can open it: `age --decrypt`.

use std::{
    collections::BTreeSet,
    io::{self, Read, Write},
    ops::ControlFlow,
};

use age::{DecryptError, Decryptor, Encryptor, scrypt, secrecy::SecretString};
use hutong_node::{
    blob::{BlobError, BlobStore},
    engine::{EngineError, identity, keys},
    store::{self, Direction, KEY_BYTES_MAX, KeyRange, Store, StoreError, Txn, VALUE_BYTES_MAX},
};
use hutong_protocol::{AccountId, BlobHash, limits::BLOB_BYTES_MAX, record::Stored};

use crate::failure::{Exit, Failure};

const MAGIC: &[u8] = b"hutong-backup\n";
const VERSION: u8 = 1;
const ROW: u8 = b'R';
const FILE: u8 = b'B';
const END: u8 = b'E';
/// log2 of scrypt's cost: about half a second and 128 MiB a try, for us and for whoever guesses.
pub(super) const WORK_FACTOR: u8 = 17;
/// The highest cost that is tried for a file from elsewhere (1 GiB).
const WORK_FACTOR_MAX: u8 = 20;
/// Rows restored in one commit.
const COMMIT_ROWS: usize = 2_000;
/// Bytes restored in one commit, for rows are of any size.
const COMMIT_BYTES: usize = 4 * 1024 * 1024;

/// Why a backup was not written or not brought back.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    #[error("wrong passphrase: the backup opens only with the one it was made with")]
    WrongPassphrase,
    #[error("this is no backup made by `hutong backup`")]
    NotABackup,
    #[error("the backup is damaged or cut off ({0}): nothing was restored; use another copy")]
    Damaged(&'static str),
    #[error("a newer hutong made this backup (format {0}): install that one")]
    Newer(u8),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error("cannot read or write the backup: {0}")]
    Io(#[from] io::Error),
}

impl From<StoreError> for ArchiveError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

impl From<DecryptError> for ArchiveError {
    fn from(error: DecryptError) -> Self {
        match error {
            DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed | DecryptError::NoMatchingKeys => {
                Self::WrongPassphrase
            }
            DecryptError::InvalidMac => Self::Damaged("its header was changed"),
            DecryptError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => Self::Io(error),
            _ => Self::NotABackup,
        }
    }
}

impl From<ArchiveError> for Failure {
    fn from(error: ArchiveError) -> Self {
        let exit = match error {
            ArchiveError::Engine(error) => return error.into(),
            ArchiveError::WrongPassphrase => Exit::WrongPassphrase,
            ArchiveError::NotABackup | ArchiveError::Damaged(_) => Exit::BadInput,
            ArchiveError::Newer(_) => Exit::NewerSchema,
            ArchiveError::Blob(_) | ArchiveError::Io(_) => Exit::Failed,
        };
        Self::new(exit, error.to_string())
    }
}

/// How much was written or brought back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) rows: u64,
    pub(super) files: u64,
}

/// Writes the backup. `progress` hears how many rows and files are done.
///
/// # Errors
/// [`ArchiveError`]; then what was written is no backup.
pub(super) fn write(
    from: &dyn Store,
    blobs: &BlobStore,
    out: impl Write,
    passphrase: SecretString,
    work_factor: u8,
    progress: &mut dyn FnMut(u64),
) -> Result<Counts, ArchiveError> {
    let mut recipient = scrypt::Recipient::new(passphrase);
    recipient.set_work_factor(work_factor);
    let encryptor = Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
        .map_err(|error| io::Error::other(error.to_string()))?;
    let mut out = encryptor.wrap_output(out)?;
    out.write_all(MAGIC)?;
    out.write_all(&[VERSION])?;
    let me = identity::account(from)?;
    let (mut counts, mut own, mut failed) = (Counts::default(), BTreeSet::new(), None);
    from.scan(KeyRange::all(), Direction::Ascending, &mut |key, value| {
        note_own_files(me.as_ref(), key, value, blobs, &mut own);
        match write_row(&mut out, key, value) {
            Ok(()) => {
                counts.rows += 1;
                progress(counts.rows);
                ControlFlow::Continue(())
            }
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    for hash in own {
        write_file(&mut out, blobs, &hash)?;
        counts.files += 1;
        progress(counts.rows + counts.files);
    }
    out.write_all(&[END])?;
    out.write_all(&counts.rows.to_be_bytes())?;
    out.write_all(&counts.files.to_be_bytes())?;
    out.finish()?.flush()?;
    Ok(counts)
}

fn write_row(out: &mut impl Write, key: &[u8], value: &[u8]) -> io::Result<()> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(|_| io::Error::other("a row is too long"));
    out.write_all(&[ROW])?;
    out.write_all(&length(key)?.to_be_bytes())?;
    out.write_all(&length(value)?.to_be_bytes())?;
    out.write_all(key)?;
    out.write_all(value)
}

fn write_file(out: &mut impl Write, blobs: &BlobStore, hash: &BlobHash) -> Result<(), ArchiveError> {
    let size = blobs.size(hash).ok_or(BlobError::Absent)?;
    out.write_all(&[FILE])?;
    out.write_all(&hash.0)?;
    out.write_all(&size.to_be_bytes())?;
    let copied = io::copy(&mut blobs.file(hash)?.take(size), out)?;
    if copied == size { Ok(()) } else { Err(BlobError::Damaged(*hash).into()) }
}

/// The files that records of the own account name: what others hold can be fetched again.
///
/// In canonical CBOR a hash is the bytes `58 20` and the 32 of the hash, whatever field of whatever kind it stands in.
/// What looks like one by chance is no file here.
fn note_own_files(me: Option<&AccountId>, key: &[u8], value: &[u8], blobs: &BlobStore, own: &mut BTreeSet<BlobHash>) {
    if key.first() != Some(&keys::SET) {
        return;
    }
    let is_mine = Stored::decode(value).is_ok_and(|record| Some(&record.header.account) == me);
    if !is_mine {
        return;
    }
    let candidates = value.windows(34).filter_map(|window| BlobHash::from_slice(window.strip_prefix(&[0x58, 0x20])?));
    own.extend(candidates.filter(|hash| blobs.contains(hash)));
}

/// An opened backup: the passphrase was right.
pub(super) struct Archive<R: Read> {
    stream: age::stream::StreamReader<R>,
}

impl<R: Read> Archive<R> {
    /// Opens the stream with the passphrase.
    ///
    /// # Errors
    /// [`ArchiveError::WrongPassphrase`], [`ArchiveError::NotABackup`], [`ArchiveError::Newer`].
    pub(super) fn open(input: R, passphrase: SecretString) -> Result<Self, ArchiveError> {
        let decryptor = Decryptor::new(input)?;
        if !decryptor.is_scrypt() {
            return Err(ArchiveError::NotABackup);
        }
        let mut identity = scrypt::Identity::new(passphrase);
        identity.set_max_work_factor(WORK_FACTOR_MAX);
        let mut stream = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity))?;
        let mut head = [0; MAGIC.len() + 1];
        stream.read_exact(&mut head).map_err(damaged)?;
        match head.split_last() {
            Some((&VERSION, MAGIC)) => Ok(Self { stream }),
            Some((&version, MAGIC)) => Err(ArchiveError::Newer(version)),
            _ => Err(ArchiveError::NotABackup),
        }
    }

    /// Puts everything into an empty store and among the files.
    ///
    /// # Errors
    /// [`ArchiveError`]; then what was put there is not whole and must be thrown away.
    pub(super) fn restore(
        mut self,
        into: &dyn Store,
        blobs: &BlobStore,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Counts, ArchiveError> {
        let mut counts = Counts::default();
        let (mut txn, mut rows, mut bytes) = (Txn::new(into), 0usize, 0usize);
        loop {
            let [kind] = self.array()?;
            match kind {
                ROW => {
                    let (key, value) = self.row()?;
                    bytes += key.len() + value.len();
                    rows += 1;
                    txn.put(key, value);
                    if rows >= COMMIT_ROWS || bytes >= COMMIT_BYTES {
                        into.commit(txn.into_batch())?;
                        (txn, rows, bytes) = (Txn::new(into), 0, 0);
                    }
                    counts.rows += 1;
                }
                FILE => {
                    self.file(blobs)?;
                    counts.files += 1;
                }
                END => break,
                _ => return Err(ArchiveError::Damaged("an unknown part")),
            }
            progress(counts.rows + counts.files);
        }
        into.commit(txn.into_batch())?;
        let expected = Counts { rows: u64::from_be_bytes(self.array()?), files: u64::from_be_bytes(self.array()?) };
        if counts != expected || self.stream.read(&mut [0]).map_err(damaged)? != 0 {
            return Err(ArchiveError::Damaged("its parts do not add up"));
        }
        store::migrate(into)?;
        Ok(counts)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ArchiveError> {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes).map_err(damaged)?;
        Ok(bytes)
    }

    fn row(&mut self) -> Result<(Vec<u8>, Vec<u8>), ArchiveError> {
        let (key, value) = (u32::from_be_bytes(self.array()?), u32::from_be_bytes(self.array()?));
        Ok((self.bytes(key, KEY_BYTES_MAX)?, self.bytes(value, VALUE_BYTES_MAX)?))
    }

    fn bytes(&mut self, length: u32, max: usize) -> Result<Vec<u8>, ArchiveError> {
        let length = usize::try_from(length).ok().filter(|length| *length <= max);
        let mut bytes = vec![0; length.ok_or(ArchiveError::Damaged("a row is too long"))?];
        self.stream.read_exact(&mut bytes).map_err(damaged)?;
        Ok(bytes)
    }

    fn file(&mut self, blobs: &BlobStore) -> Result<(), ArchiveError> {
        let (hash, size) = (BlobHash(self.array()?), u64::from_be_bytes(self.array()?));
        if size > BLOB_BYTES_MAX {
            return Err(ArchiveError::Damaged("a file is too long"));
        }
        let mut import = blobs.start_import()?;
        let mut buffer = vec![0; 64 * 1024];
        let mut left = size;
        while left > 0 {
            let want = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let piece = buffer.get_mut(..want).unwrap_or_default();
            self.stream.read_exact(piece).map_err(damaged)?;
            import.write(piece)?;
            left -= want as u64;
        }
        if import.finish()? == hash { Ok(()) } else { Err(ArchiveError::Damaged("a file does not match its hash")) }
    }
}

/// Inside the stream, bytes that do not decrypt or end too early are damage; the rest is the disk's.
fn damaged(error: io::Error) -> ArchiveError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ArchiveError::Damaged("it ends too early"),
        io::ErrorKind::InvalidData => ArchiveError::Damaged("a part of it was changed"),
        _ => ArchiveError::Io(error),
    }
}

#[cfg(test)]
mod tests {
    use hutong_node::store::MemoryStore;

    use super::*;

    /// Cheap: the tests are not about the cost of guessing.
    const WORK_FACTOR_OF_TESTS: u8 = 4;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text.to_owned())
    }

    fn blobs(dir: &tempfile::TempDir) -> BlobStore {
        BlobStore::open(&dir.path().join("blobs"), 1 << 30).unwrap()
    }

    fn store_with(rows: u32) -> MemoryStore {
        let store = MemoryStore::new();
        store::migrate(&store).unwrap();
        let mut txn = Txn::new(&store);
        for row in 0..rows {
            txn.put(row.to_be_bytes(), vec![7; 40]);
        }
        store.commit(txn.into_batch()).unwrap();
        store
    }

    fn backup(store: &MemoryStore, blobs: &BlobStore) -> (Vec<u8>, Counts) {
        let mut file = Vec::new();
        let counts = write(store, blobs, &mut file, secret("right"), WORK_FACTOR_OF_TESTS, &mut |_| {}).unwrap();
        (file, counts)
    }

    fn restore(file: &[u8], passphrase: &str) -> Result<(MemoryStore, Counts), ArchiveError> {
        let dir = tempfile::tempdir().unwrap();
        let store = MemoryStore::new();
        let counts = Archive::open(file, secret(passphrase))?.restore(&store, &blobs(&dir), &mut |_| {})?;
        Ok((store, counts))
    }

    fn rows(store: &MemoryStore) -> Vec<store::Entry> {
        use hutong_node::store::Read as _;
        store.collect(KeyRange::all(), Direction::Ascending, usize::MAX).unwrap()
    }

    #[test]
    fn what_was_backed_up_comes_back_row_by_row() {
        let dir = tempfile::tempdir().unwrap();
        // More than one commit, and more than one of age's chunks.
        let store = store_with(4_500);
        let (file, counts) = backup(&store, &blobs(&dir));
        assert_eq!(counts.rows, 4_501, "the schema version is a row too");
        let (restored, again) = restore(&file, "right").unwrap();
        assert_eq!((rows(&store), counts), (rows(&restored), again));
        let text = String::from_utf8_lossy(&file);
        assert!(!text.contains("hutong-backup"), "nothing is in the clear");
    }

    #[test]
    fn a_wrong_passphrase_is_said_to_be_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let (file, _) = backup(&store_with(3), &blobs(&dir));
        let failure = Failure::from(restore(&file, "wrong").err().unwrap());
        assert_eq!(failure.exit, Exit::WrongPassphrase);
        assert!(failure.to_string().contains("wrong passphrase"), "{failure}");
    }

    #[test]
    fn a_cut_off_or_changed_file_is_refused_wherever_it_is_cut() {
        let dir = tempfile::tempdir().unwrap();
        let (file, _) = backup(&store_with(3_000), &blobs(&dir));
        for length in [0, 10, 100, 200, 65_536, file.len() / 2, file.len() - 17, file.len() - 1] {
            let error = restore(&file[..length], "right").err().unwrap();
            assert!(matches!(error, ArchiveError::Damaged(_) | ArchiveError::NotABackup), "{length}: {error:?}");
        }
        let mut changed = file.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        assert!(matches!(restore(&changed, "right"), Err(ArchiveError::Damaged(_))));
        assert!(matches!(restore(b"Dear diary, today it rained.", "right"), Err(ArchiveError::NotABackup)));
    }

    #[test]
    fn a_backup_of_a_later_format_is_refused_as_such() {
        let recipient = {
            let mut recipient = scrypt::Recipient::new(secret("right"));
            recipient.set_work_factor(WORK_FACTOR_OF_TESTS);
            recipient
        };
        let encrypt = |plain: &[u8]| age::encrypt(&recipient, plain).unwrap();
        let later = encrypt(b"hutong-backup\n\x02whatever");
        assert!(matches!(restore(&later, "right"), Err(ArchiveError::Newer(2))));
        let other = encrypt(b"some other program's file, long enough");
        assert!(matches!(restore(&other, "right"), Err(ArchiveError::NotABackup)));
        // A length that no row has must not be believed.
        let mut liar = b"hutong-backup\n\x01R".to_vec();
        liar.extend_from_slice(&[0xff; 8]);
        assert!(matches!(restore(&encrypt(&liar), "right"), Err(ArchiveError::Damaged(_))));
    }
}
