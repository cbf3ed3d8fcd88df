//! The backup file: a backup's stream (`hutong_node::backup`) that `age` encrypts with a passphrase, with scrypt and
//! ChaCha20-Poly1305 in 64 KiB chunks. Any `age` program can open it: `age --decrypt`.

use std::io::{self, Read, Write};

use age::{DecryptError, Decryptor, Encryptor, scrypt, secrecy::SecretString};
use hutong_node::backup::BackupError;

use crate::failure::{Exit, Failure};

/// log2 of scrypt's cost: about half a second and 128 MiB a try, for us and for whoever guesses.
pub(super) const WORK_FACTOR: u8 = 17;
/// The highest cost that is tried for a file from elsewhere (1 GiB).
const WORK_FACTOR_MAX: u8 = 20;

/// Why a backup was not encrypted or opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    #[error("wrong passphrase: the backup opens only with the one it was made with")]
    WrongPassphrase,
    #[error(transparent)]
    Backup(#[from] BackupError),
}

impl From<io::Error> for ArchiveError {
    fn from(error: io::Error) -> Self {
        Self::Backup(error.into())
    }
}

impl From<DecryptError> for ArchiveError {
    fn from(error: DecryptError) -> Self {
        match error {
            DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed | DecryptError::NoMatchingKeys => {
                Self::WrongPassphrase
            }
            DecryptError::InvalidMac => BackupError::Damaged("its header was changed").into(),
            DecryptError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => error.into(),
            _ => BackupError::NotABackup.into(),
        }
    }
}

impl From<ArchiveError> for Failure {
    fn from(error: ArchiveError) -> Self {
        let exit = match error {
            ArchiveError::WrongPassphrase => Exit::WrongPassphrase,
            ArchiveError::Backup(BackupError::Engine(error)) => return error.into(),
            ArchiveError::Backup(BackupError::NotABackup | BackupError::Damaged(_)) => Exit::BadInput,
            ArchiveError::Backup(BackupError::Newer(_)) => Exit::NewerSchema,
            ArchiveError::Backup(_) => Exit::Failed,
        };
        Self::new(exit, error.to_string())
    }
}

/// Encrypts all of `from`. `progress` hears the bytes. Returns how many there were.
///
/// # Errors
/// If one cannot be read or the other not be written; then what was written is no backup.
pub(super) fn seal(
    from: &mut dyn Read,
    out: impl Write,
    passphrase: SecretString,
    work_factor: u8,
    progress: &mut dyn FnMut(u64),
) -> Result<u64, ArchiveError> {
    let mut recipient = scrypt::Recipient::new(passphrase);
    recipient.set_work_factor(work_factor);
    let encryptor = Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
        .map_err(|error| io::Error::other(error.to_string()))?;
    let mut out = encryptor.wrap_output(out)?;
    let (mut buffer, mut done) = (vec![0; 64 * 1024], 0u64);
    loop {
        let read = from.read(&mut buffer)?;
        let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else { break };
        out.write_all(piece)?;
        done = done.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        progress(done);
    }
    out.finish()?.flush()?;
    Ok(done)
}

/// Opens a backup file; what is read from it was not changed by anybody.
///
/// # Errors
/// [`ArchiveError::WrongPassphrase`], or that it is no backup.
pub(super) fn open<R: Read>(input: R, passphrase: SecretString) -> Result<impl Read, ArchiveError> {
    let decryptor = Decryptor::new(input)?;
    if !decryptor.is_scrypt() {
        return Err(BackupError::NotABackup.into());
    }
    let mut identity = scrypt::Identity::new(passphrase);
    identity.set_max_work_factor(WORK_FACTOR_MAX);
    Ok(decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity))?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hutong_node::{
        backup::{Counts, Snapshot, restore},
        blob::BlobStore,
        store::{self, MemoryStore, Store as _, Txn},
    };
    use hutong_protocol::TimestampMs;

    use super::*;

    /// Cheap: the tests are not about the cost of guessing.
    const WORK_FACTOR_OF_TESTS: u8 = 4;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text.to_owned())
    }

    /// A backup of a store with so many rows: more than one of age's chunks.
    fn sealed() -> (Vec<u8>, Counts) {
        let dir = tempfile::tempdir().unwrap();
        let store = MemoryStore::new();
        store::migrate(&store).unwrap();
        let mut txn = Txn::new(&store);
        for row in 0..3_000u32 {
            txn.put(row.to_be_bytes(), vec![7; 40]);
        }
        store.commit(txn.into_batch()).unwrap();
        let blobs = Arc::new(BlobStore::open(&dir.path().join("blobs"), 1 << 30).unwrap());
        let mut snapshot = Snapshot::take(&store, blobs, tempfile::tempfile().unwrap()).unwrap();
        let mut file = Vec::new();
        seal(&mut snapshot, &mut file, secret("right"), WORK_FACTOR_OF_TESTS, &mut |_| {}).unwrap();
        (file, snapshot.counts())
    }

    fn opened(file: &[u8], passphrase: &str) -> Result<Counts, ArchiveError> {
        let dir = tempfile::tempdir().unwrap();
        let blobs = BlobStore::open(&dir.path().join("blobs"), 1 << 30).unwrap();
        let mut stream = open(file, secret(passphrase))?;
        Ok(restore(&mut stream, &MemoryStore::new(), &blobs, (&[7; 32], TimestampMs(0)), &mut |_| {})?)
    }

    #[test]
    fn what_was_sealed_opens_with_the_same_passphrase_and_nothing_is_in_the_clear() {
        let (file, counts) = sealed();
        assert_eq!(opened(&file, "right").unwrap(), counts);
        assert!(!file.windows(13).any(|window| window == b"hutong-backup"));
    }

    #[test]
    fn a_wrong_passphrase_is_said_to_be_wrong() {
        let failure = Failure::from(opened(&sealed().0, "wrong").unwrap_err());
        assert_eq!(failure.exit, Exit::WrongPassphrase);
        assert!(failure.to_string().contains("wrong passphrase"), "{failure}");
    }

    #[test]
    fn a_cut_off_or_changed_file_is_refused_wherever_it_is_cut() {
        let (file, _) = sealed();
        for length in [0, 10, 100, 200, 65_536, file.len() / 2, file.len() - 17, file.len() - 1] {
            let failure = Failure::from(opened(&file[..length], "right").unwrap_err());
            assert_eq!(failure.exit, Exit::BadInput, "{length}: {failure}");
        }
        let mut changed = file.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        assert_eq!(Failure::from(opened(&changed, "right").unwrap_err()).exit, Exit::BadInput);
        let diary = opened(b"Dear diary, today it rained.", "right");
        assert!(matches!(diary, Err(ArchiveError::Backup(BackupError::NotABackup))));
    }
}
