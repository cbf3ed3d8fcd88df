//! What a backup holds, as one stream: the store's rows and the own files. Encrypting it is the command's business.
//!
//! ```text
//! "hutong-backup\n"  version (1 byte)
//! 'R' key length (4) value length (4) key value      a row, in key order
//! 'B' hash (32) length (8) content                   a file
//! 'E' rows (8) files (8)                             the end: without it the stream is cut off
//! ```
//! Numbers are big-endian. Rows are spooled to a file of their own while nobody writes, so they belong together; files
//! never change under their hash, so they are read as the stream goes.

use std::{
    collections::{BTreeSet, VecDeque},
    fs::File,
    io::{self, BufWriter, Cursor, Read as _, Seek as _, Write as _},
    ops::ControlFlow,
    sync::Arc,
};

use hutong_protocol::{AccountId, BlobHash, TimestampMs, limits::BLOB_BYTES_MAX, record::Stored};

use crate::{
    account,
    blob::{BlobError, BlobStore},
    engine::{EngineError, identity, keys},
    store::{Direction, KEY_BYTES_MAX, KeyRange, Read, Store, StoreError, Txn, VALUE_BYTES_MAX, migrate},
};

const MAGIC: &[u8] = b"hutong-backup\n";
const VERSION: u8 = 1;
const ROW: u8 = b'R';
const FILE: u8 = b'B';
const END: u8 = b'E';
/// Rows restored in one commit.
const COMMIT_ROWS: usize = 2_000;
/// Bytes restored in one commit, for rows are of any size.
const COMMIT_BYTES: usize = 4 * 1024 * 1024;

/// Why a backup was not made or not brought back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// Something else.
    #[error("this is no backup made by `hutong backup`")]
    NotABackup,
    /// Not all of it is there, or it was changed.
    #[error("the backup is damaged or cut off ({0}): nothing was restored; use another copy")]
    Damaged(&'static str),
    /// Of a later format.
    #[error("a newer hutong made this backup (format {0}): install that one")]
    Newer(u8),
    /// The store, or a record in it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The files.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The disk, or whatever the stream is read from.
    #[error("cannot read or write the backup: {0}")]
    Io(#[from] io::Error),
}

impl From<StoreError> for BackupError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

/// How much is in a backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows of the store.
    pub rows: u64,
    /// Files.
    pub files: u64,
}

/// A backup to be read from beginning to end.
pub struct Snapshot {
    counts: Counts,
    /// What comes next: the rows, or the head of a file, or the end.
    head: Box<dyn io::Read + Send>,
    /// The file that follows `head`.
    body: Option<io::Take<File>>,
    files: VecDeque<BlobHash>,
    blobs: Arc<BlobStore>,
    ended: bool,
}

impl Snapshot {
    /// Takes it. `spool`: an empty file, which is used up. Nobody may write to the store meanwhile.
    ///
    /// # Errors
    /// [`BackupError`] if the store cannot be read or the spool not be written.
    pub fn take(read: &dyn Read, blobs: Arc<BlobStore>, spool: File) -> Result<Self, BackupError> {
        let mut out = BufWriter::new(spool);
        out.write_all(MAGIC)?;
        out.write_all(&[VERSION])?;
        let me = identity::account(read)?;
        let (mut rows, mut own, mut failed) = (0u64, BTreeSet::new(), None);
        read.scan(KeyRange::all(), Direction::Ascending, &mut |key, value| {
            note_own_files(me.as_ref(), key, value, &blobs, &mut own);
            match write_row(&mut out, key, value) {
                Ok(()) => {
                    rows = rows.saturating_add(1);
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
        let mut spool = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        spool.rewind()?;
        let files = VecDeque::from_iter(own);
        let counts = Counts { rows, files: u64::try_from(files.len()).unwrap_or(u64::MAX) };
        Ok(Self { counts, head: Box::new(io::BufReader::new(spool)), body: None, files, blobs, ended: false })
    }

    /// How much is in it.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Goes on to the next file, or to the end. `false`: that was all.
    fn go_on(&mut self) -> io::Result<bool> {
        if let Some(hash) = self.files.pop_front() {
            let missing = || io::Error::other(format!("the file {hash} was removed meanwhile: try again"));
            let size = self.blobs.size(&hash).ok_or_else(missing)?;
            let file = self.blobs.file(&hash).map_err(io::Error::other)?;
            let head = [[FILE].as_slice(), &hash.0, &size.to_be_bytes()].concat();
            self.head = Box::new(Cursor::new(head));
            self.body = Some(file.take(size));
            return Ok(true);
        }
        if self.ended {
            return Ok(false);
        }
        self.ended = true;
        let end = [[END].as_slice(), &self.counts.rows.to_be_bytes(), &self.counts.files.to_be_bytes()].concat();
        self.head = Box::new(Cursor::new(end));
        Ok(true)
    }
}

impl io::Read for Snapshot {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.head.read(buffer)? {
                0 if buffer.is_empty() => return Ok(0),
                0 => {}
                read => return Ok(read),
            }
            if let Some(body) = &mut self.body {
                match body.read(buffer)? {
                    0 if body.limit() > 0 => {
                        return Err(io::Error::other("a file became shorter meanwhile: try again"));
                    }
                    0 => self.body = None,
                    read => return Ok(read),
                }
            }
            if !self.go_on()? {
                return Ok(0);
            }
        }
    }
}

fn write_row(out: &mut impl io::Write, key: &[u8], value: &[u8]) -> io::Result<()> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(|_| io::Error::other("a row is too long"));
    out.write_all(&[ROW])?;
    out.write_all(&length(key)?.to_be_bytes())?;
    out.write_all(&length(value)?.to_be_bytes())?;
    out.write_all(key)?;
    out.write_all(value)
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
    if is_mine {
        let hash = |window: &[u8]| BlobHash::from_slice(window.strip_prefix(&[0x58, 0x20])?);
        own.extend(value.windows(34).filter_map(hash).filter(|hash| blobs.contains(hash)));
    }
}

/// Puts a backup into an empty store and among the files, as another device of the account: `fresh` becomes its device key's
/// seed (32 random bytes). `progress` hears how many rows and files are back.
///
/// # Errors
/// [`BackupError`]; then what was put there is not whole and must be thrown away.
pub fn restore(
    from: &mut dyn io::Read,
    into: &dyn Store,
    blobs: &BlobStore,
    (fresh, now): (&[u8; 32], TimestampMs),
    progress: &mut dyn FnMut(u64),
) -> Result<Counts, BackupError> {
    let mut source = Source { from };
    source.head()?;
    let mut counts = Counts::default();
    let (mut txn, mut rows, mut bytes) = (Txn::new(into), 0usize, 0usize);
    loop {
        let [part] = source.array()?;
        match part {
            ROW => {
                let (key, value) = source.row()?;
                bytes = bytes.saturating_add(key.len()).saturating_add(value.len());
                rows = rows.saturating_add(1);
                txn.put(key, value);
                if rows >= COMMIT_ROWS || bytes >= COMMIT_BYTES {
                    into.commit(txn.into_batch())?;
                    (txn, rows, bytes) = (Txn::new(into), 0, 0);
                }
                counts.rows = counts.rows.saturating_add(1);
            }
            FILE => {
                source.file(blobs)?;
                counts.files = counts.files.saturating_add(1);
            }
            END => break,
            _ => return Err(BackupError::Damaged("an unknown part")),
        }
        progress(counts.rows.saturating_add(counts.files));
    }
    into.commit(txn.into_batch())?;
    let promised = Counts { rows: u64::from_be_bytes(source.array()?), files: u64::from_be_bytes(source.array()?) };
    if counts != promised || source.from.read(&mut [0]).map_err(damaged)? != 0 {
        return Err(BackupError::Damaged("its parts do not add up"));
    }
    migrate(into)?;
    let mut txn = Txn::new(into);
    account::replace::become_another_device(&mut txn, fresh, now)?;
    into.commit(txn.into_batch())?;
    Ok(counts)
}

struct Source<'a> {
    from: &'a mut dyn io::Read,
}

impl Source<'_> {
    fn head(&mut self) -> Result<(), BackupError> {
        let head: [u8; MAGIC.len() + 1] = self.array()?;
        match head.split_last() {
            Some((&VERSION, MAGIC)) => Ok(()),
            Some((&version, MAGIC)) => Err(BackupError::Newer(version)),
            _ => Err(BackupError::NotABackup),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BackupError> {
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes).map_err(damaged)?;
        Ok(bytes)
    }

    fn row(&mut self) -> Result<(Vec<u8>, Vec<u8>), BackupError> {
        let (key, value) = (u32::from_be_bytes(self.array()?), u32::from_be_bytes(self.array()?));
        Ok((self.bytes(key, KEY_BYTES_MAX)?, self.bytes(value, VALUE_BYTES_MAX)?))
    }

    fn bytes(&mut self, length: u32, max: usize) -> Result<Vec<u8>, BackupError> {
        let length = usize::try_from(length).ok().filter(|length| *length <= max);
        let mut bytes = vec![0; length.ok_or(BackupError::Damaged("a row is too long"))?];
        self.from.read_exact(&mut bytes).map_err(damaged)?;
        Ok(bytes)
    }

    fn file(&mut self, blobs: &BlobStore) -> Result<(), BackupError> {
        let (hash, size) = (BlobHash(self.array()?), u64::from_be_bytes(self.array()?));
        if size > BLOB_BYTES_MAX {
            return Err(BackupError::Damaged("a file is too long"));
        }
        let mut import = blobs.start_import()?;
        let mut buffer = vec![0; 64 * 1024];
        let mut left = size;
        while left > 0 {
            let want = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let piece = buffer.get_mut(..want).unwrap_or_default();
            self.from.read_exact(piece).map_err(damaged)?;
            import.write(piece)?;
            left = left.saturating_sub(u64::try_from(want).unwrap_or(u64::MAX));
        }
        if import.finish()? == hash { Ok(()) } else { Err(BackupError::Damaged("a file does not match its hash")) }
    }
}

/// Bytes that end too early or do not decrypt are damage; the rest is the disk's.
fn damaged(error: io::Error) -> BackupError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => BackupError::Damaged("it ends too early"),
        io::ErrorKind::InvalidData => BackupError::Damaged("a part of it was changed"),
        _ => BackupError::Io(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{store::MemoryStore, testing::TestNode};

    struct Place {
        dir: tempfile::TempDir,
        blobs: Arc<BlobStore>,
    }

    impl Place {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let blobs = Arc::new(BlobStore::open(&dir.path().join("blobs"), 1 << 30).unwrap());
            Self { dir, blobs }
        }

        fn snapshot(&self, store: &dyn Read) -> Vec<u8> {
            let spool = tempfile::tempfile_in(self.dir.path()).unwrap();
            let mut bytes = Vec::new();
            Snapshot::take(store, Arc::clone(&self.blobs), spool).unwrap().read_to_end(&mut bytes).unwrap();
            bytes
        }
    }

    fn back(bytes: &[u8]) -> Result<(MemoryStore, Place, Counts), BackupError> {
        let (store, place) = (MemoryStore::new(), Place::new());
        let counts =
            restore(&mut Cursor::new(bytes), &store, &place.blobs, (&[0x77; 32], crate::testing::START), &mut |_| {})?;
        Ok((store, place, counts))
    }

    fn rows(store: &dyn Read) -> Vec<crate::store::Entry> {
        store.collect(KeyRange::all(), Direction::Ascending, usize::MAX).unwrap()
    }

    #[test]
    fn rows_and_own_files_come_back_and_nobody_elses() {
        let place = Place::new();
        let mine = place.blobs.import(&[7; 100_000]).unwrap();
        let theirs = place.blobs.import(b"a stranger's picture").unwrap();
        let mut node = TestNode::blank(1);
        migrate_again(&node);
        node.call(move |cx| account::create(cx, &[1; 16], "Mei", Some(mine), "test")).unwrap();
        let (store, restored, counts) = back(&place.snapshot(node.read())).unwrap();
        // The device's own rows are another's now.
        let kept = |store: &dyn Read| {
            let own = |row: &crate::store::Entry| b"KZb".contains(&row.0[0]) || row.0.starts_with(b"ao");
            rows(store).into_iter().filter(|row| !own(row)).collect::<Vec<_>>()
        };
        assert_eq!(kept(&store), kept(node.read()));
        assert_eq!(counts.files, 1);
        assert!(restored.blobs.is_intact(&mine).unwrap() && !restored.blobs.contains(&theirs));
    }

    /// A restored older database: the old device's keys and sessions do not come back, its messages do, and it is revoked.
    #[test]
    fn a_restored_backup_is_another_device_and_talks_on() {
        use crate::{
            chat,
            engine::{ChatId, Input, peers},
            testing::neighbours,
        };
        let (mut mei, mut tom) = neighbours();
        migrate_again(&mei);
        let (with_tom, with_mei) = (ChatId::Direct(tom.account()), ChatId::Direct(mei.account()));
        let say = |node: &mut TestNode, chat: ChatId, text: &'static str| {
            node.call(move |cx| chat::send(cx, chat, chat::content(text, None, None)?)).unwrap()
        };
        say(&mut mei, with_tom, "before the backup");
        mei.meet(&mut tom);
        let bytes = Place::new().snapshot(mei.read());
        say(&mut mei, with_tom, "after the backup");
        mei.meet(&mut tom);
        let (store, _, _) = back(&bytes).unwrap();
        let old = mei.engine.device_key().id();
        let mut restored = TestNode::over(store, 9);
        assert_eq!(restored.account(), mei.account());
        assert_ne!(restored.engine.device_key().id(), old);
        restored.now = mei.now.plus_ms(60_000);
        restored.step(vec![Input::Tick]).unwrap();
        tom.step(vec![Input::PeerDown(old)]).unwrap();
        tom.now = restored.now;
        restored.meet(&mut tom);
        assert!(peers::is_revoked(tom.read(), &mei.account(), &old).unwrap());
        say(&mut restored, with_tom, "restored");
        restored.meet(&mut tom);
        say(&mut tom, with_mei, "welcome back");
        restored.meet(&mut tom);
        let texts = |node: &TestNode, chat: ChatId| -> Vec<String> {
            chat::view::page(node.read(), &chat, None, 10).unwrap().0.into_iter().map(|m| m.content.text).collect()
        };
        assert_eq!(texts(&tom, with_mei), ["before the backup", "after the backup", "restored", "welcome back"]);
        assert_eq!(texts(&restored, with_tom), ["before the backup", "restored", "welcome back"]);
    }

    /// The schema version, which a real node gets before its first row.
    fn migrate_again(node: &TestNode) {
        let mut txn = Txn::new(&*node.store);
        txn.put(crate::store::Key::new(crate::store::STORE_PREFIX).str("schema"), 1u32.to_be_bytes());
        node.store.commit(txn.into_batch()).unwrap();
    }

    #[test]
    fn many_rows_come_back_over_several_commits() {
        let store = MemoryStore::new();
        migrate(&store).unwrap();
        let mut txn = Txn::new(&store);
        for row in 0..4_500u32 {
            txn.put(row.to_be_bytes(), vec![7; 40]);
        }
        store.commit(txn.into_batch()).unwrap();
        let (restored, _, counts) = back(&Place::new().snapshot(&store)).unwrap();
        assert_eq!((rows(&restored), counts.rows), (rows(&store), 4_501));
    }

    #[test]
    fn a_stream_that_is_cut_anywhere_is_refused() {
        let store = MemoryStore::new();
        migrate(&store).unwrap();
        let bytes = Place::new().snapshot(&store);
        for length in 0..bytes.len() {
            assert!(matches!(back(&bytes[..length]), Err(BackupError::Damaged(_))), "{length}");
        }
        let longer = [bytes.as_slice(), b"x"].concat();
        assert!(matches!(back(&longer), Err(BackupError::Damaged(_))));
    }

    #[test]
    fn other_streams_and_lying_lengths_are_refused() {
        assert!(matches!(back(b"some other program's file"), Err(BackupError::NotABackup)));
        assert!(matches!(back(b"hutong-backup\n\x02and more"), Err(BackupError::Newer(2))));
        let liar = [b"hutong-backup\n\x01R".as_slice(), &[0xff; 8]].concat();
        assert!(matches!(back(&liar), Err(BackupError::Damaged(_))));
    }
}
