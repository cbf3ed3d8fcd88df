//! A download on its way: segments come from anybody, in any order, each proved before it is written.

use std::{
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom},
    path::PathBuf,
    sync::Arc,
};

use bao_tree::{
    BaoTree, ChunkRanges,
    io::{
        BaoContentItem,
        sync::{DecodeResponseIter, WriteAt as _},
    },
};
use hutong_protocol::{BlobHash, limits::BLOB_BYTES_MAX};

use super::{BlobError, BlobStore, GROUP, SEGMENT_BYTES, chunks_of, failed, remove_if_there};

/// A piece of a blob: [`SEGMENT_BYTES`], or what is left at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Segment {
    /// First byte.
    pub start: u64,
    /// Behind the last byte.
    pub end: u64,
}

impl Segment {
    /// The segment that starts at `offset` in a blob of `size` bytes; `None` if none starts there.
    #[must_use]
    pub fn at(offset: u64, size: u64) -> Option<Self> {
        let starts_there = offset.is_multiple_of(SEGMENT_BYTES) && (offset < size || offset == 0);
        starts_there.then(|| Self { start: offset, end: size.min(offset.saturating_add(SEGMENT_BYTES)) })
    }

    /// The last segment. Its proof is also the proof of the size.
    #[must_use]
    pub fn last(size: u64) -> Self {
        Self { start: size.saturating_sub(1) / SEGMENT_BYTES * SEGMENT_BYTES, end: size }
    }

    pub(super) fn chunks(self) -> ChunkRanges {
        chunks_of(self.start, self.end)
    }

    /// Checks `encoded` against the blob's hash and size and hands each piece to `write`.
    fn open(
        self,
        hash: &BlobHash,
        size: u64,
        encoded: &[u8],
        mut write: impl FnMut(u64, &[u8]) -> Result<(), BlobError>,
    ) -> Result<(), BlobError> {
        let mut rest = encoded;
        let chunks = self.chunks();
        let root = blake3::Hash::from_bytes(hash.0);
        let mut wrote = 0u64;
        for item in DecodeResponseIter::new(root, BaoTree::new(size, GROUP), &mut rest, &chunks) {
            if let BaoContentItem::Leaf(leaf) = item.map_err(|_| BlobError::Lying)? {
                wrote = wrote.saturating_add(leaf.data.len() as u64);
                write(leaf.offset, &leaf.data)?;
            }
        }
        let complete = rest.is_empty() && wrote == self.end.saturating_sub(self.start);
        if complete { Ok(()) } else { Err(BlobError::Lying) }
    }

    /// Whether `encoded` proves that a blob has this hash, this size and this last segment. Nothing is stored.
    ///
    /// # Errors
    /// [`BlobError::Lying`]; [`BlobError::TooLarge`] for a size that no blob may have.
    pub fn check_last(hash: &BlobHash, size: u64, encoded: &[u8]) -> Result<(), BlobError> {
        if size > BLOB_BYTES_MAX {
            return Err(BlobError::TooLarge { size });
        }
        Self::last(size).open(hash, size, encoded, |_, _| Ok(()))
    }
}

/// A download on its way. Only one at a time for a blob. Dropping it keeps what came, for the next one to resume.
#[derive(Debug)]
pub struct PartialBlob {
    store: Arc<BlobStore>,
    hash: BlobHash,
    size: u64,
    data: File,
    /// One byte per segment: 1 if it is on disk.
    map: File,
    have: Vec<bool>,
}

impl PartialBlob {
    pub(super) fn open(store: Arc<BlobStore>, hash: BlobHash, size: u64) -> Result<Self, BlobError> {
        if size > BLOB_BYTES_MAX {
            return Err(BlobError::TooLarge { size });
        }
        let (data_path, map_path) = paths(&store, &hash);
        let options = || {
            let mut options = File::options();
            options.read(true).write(true).create(true).truncate(false);
            options
        };
        let data = options().open(&data_path).map_err(failed("open a download"))?;
        let before = data.metadata().map_err(failed("look at a download"))?.len();
        let map = options().open(&map_path).map_err(failed("open a download"))?;
        let segments = usize::try_from(size.div_ceil(SEGMENT_BYTES).max(1)).unwrap_or(usize::MAX);
        let mut have = vec![false; segments];
        if before == size {
            let kept = fs::read(&map_path).map_err(failed("read a download's map"))?;
            for (have, kept) in have.iter_mut().zip(kept) {
                *have = kept == 1;
            }
        } else {
            store.reserve(size)?;
            store.release(before);
            map.set_len(0).and_then(|()| data.set_len(size)).map_err(failed("make room for a download"))?;
        }
        Ok(Self { store, hash, size, data, map, have })
    }

    /// The blob's size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The segments that are still missing, in order.
    pub fn missing(&self) -> impl Iterator<Item = Segment> + '_ {
        let starts = (0u64..).step_by(usize::try_from(SEGMENT_BYTES).unwrap_or(usize::MAX));
        let missing = self.have.iter().zip(starts).filter(|(have, _)| !**have);
        missing.filter_map(|(_, start)| Segment::at(start, self.size))
    }

    /// Checks and stores one segment. When it returns, the segment survives a loss of power.
    ///
    /// # Errors
    /// [`BlobError::Lying`] if the bytes are not those of the blob (nothing of them counts); [`BlobError::Io`].
    pub fn write(&mut self, segment: Segment, encoded: &[u8]) -> Result<(), BlobError> {
        let data = &mut self.data;
        segment.open(&self.hash, self.size, encoded, |offset, bytes| {
            data.write_all_at(offset, bytes).map_err(failed("write a download"))
        })?;
        // Data before map: after a crash the map never claims what is not there.
        self.data.sync_data().map_err(failed("write a download to the disk"))?;
        let index = segment.start / SEGMENT_BYTES;
        self.map.write_all_at(index, &[1]).map_err(failed("write a download's map"))?;
        if let Some(have) = usize::try_from(index).ok().and_then(|index| self.have.get_mut(index)) {
            *have = true;
        }
        Ok(())
    }

    /// Makes a blob of the complete download: reads all of it back and checks the whole hash first.
    ///
    /// # Errors
    /// [`BlobError::Absent`] if segments are missing; [`BlobError::Lying`] if the disk lost some (everything is thrown
    /// away then, and the next download starts anew); [`BlobError::Io`].
    pub fn finish(self) -> Result<u64, BlobError> {
        if self.have.contains(&false) {
            return Err(BlobError::Absent);
        }
        self.data.sync_all().map_err(failed("write a download to the disk"))?;
        let (data_path, map_path) = paths(&self.store, &self.hash);
        let shelved = self.store.shelve(&data_path, &self.hash, self.size);
        remove_if_there(&map_path).map_err(failed("remove a download's map"))?;
        if matches!(shelved, Err(BlobError::Lying)) {
            remove_if_there(&data_path).map_err(failed("remove a download"))?;
            self.store.release(self.size);
        }
        shelved.map(|()| self.size)
    }
}

/// How many bytes of a download are on the disk, as its map says.
pub(super) fn received(store: &BlobStore, hash: &BlobHash) -> u64 {
    let (data, map) = paths(store, hash);
    let (Ok(data), Ok(map)) = (fs::metadata(data), fs::read(map)) else { return 0 };
    let starts = (0u64..).step_by(usize::try_from(SEGMENT_BYTES).unwrap_or(usize::MAX));
    let here = map.iter().zip(starts).filter(|(have, _)| **have == 1);
    let segments = here.filter_map(|(_, start)| Segment::at(start, data.len()));
    segments.fold(0u64, |sum, segment| sum.saturating_add(segment.end.saturating_sub(segment.start)))
}

/// Bytes of the segment that `start` is in, if it is on the disk.
pub(super) fn read(
    store: &BlobStore,
    hash: &BlobHash,
    size: u64,
    start: u64,
    most: u64,
) -> Result<Option<Vec<u8>>, BlobError> {
    let (data, map) = paths(store, hash);
    let (Ok(mut data), Ok(map)) = (File::open(data), fs::read(map)) else { return Ok(None) };
    let index = usize::try_from(start / SEGMENT_BYTES).unwrap_or(usize::MAX);
    let is_whole = data.metadata().is_ok_and(|metadata| metadata.len() == size);
    let Some(segment) = Segment::at(start / SEGMENT_BYTES * SEGMENT_BYTES, size) else { return Ok(None) };
    if !is_whole || map.get(index) != Some(&1) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let most = most.min(segment.end.saturating_sub(start));
    let read = data.seek(SeekFrom::Start(start)).and_then(|_| data.take(most).read_to_end(&mut bytes));
    read.map_err(failed("read a download"))?;
    Ok(Some(bytes))
}

pub(super) fn paths(store: &BlobStore, hash: &BlobHash) -> (PathBuf, PathBuf) {
    let data = store.directory.join("partial").join(hash.to_string());
    let map = data.with_extension("map");
    (data, map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::tests::content;

    fn stores() -> (tempfile::TempDir, Arc<BlobStore>, Arc<BlobStore>) {
        let directory = tempfile::tempdir().unwrap();
        let open = |name| Arc::new(BlobStore::open(&directory.path().join(name), 1 << 30).unwrap());
        let (from, to) = (open("from"), open("to"));
        (directory, from, to)
    }

    #[test]
    fn segments_are_aligned_and_cover_a_blob() {
        for (size, last_start) in [
            (0, 0),
            (1, 0),
            (SEGMENT_BYTES, 0),
            (SEGMENT_BYTES + 1, SEGMENT_BYTES),
            (3 * SEGMENT_BYTES, 2 * SEGMENT_BYTES),
        ] {
            assert_eq!(Segment::last(size), Segment { start: last_start, end: size }, "{size}");
            assert_eq!(Segment::at(last_start, size), Some(Segment::last(size)), "{size}");
        }
        assert_eq!(Segment::at(1, 100), None, "not on a segment");
        assert_eq!(Segment::at(SEGMENT_BYTES, SEGMENT_BYTES), None, "behind the end");
    }

    #[test]
    fn a_download_resumes_after_a_restart_and_ends_as_the_same_blob() {
        let (_directory, from, to) = stores();
        for size in [0, 10, 16 * 1024 + 1, SEGMENT_BYTES as usize, 3 * SEGMENT_BYTES as usize + 17] {
            let bytes = content(size);
            let hash = from.import(&bytes).unwrap();
            let (claimed, proof) = from.segment(&hash, None).unwrap();
            Segment::check_last(&hash, claimed, &proof).unwrap();
            assert!(matches!(Segment::check_last(&hash, claimed + 1, &proof), Err(BlobError::Lying)), "{size}");
            let mut wanted = to.download(hash, claimed).unwrap();
            wanted.write(Segment::last(claimed), &proof).unwrap();
            drop(wanted);

            let mut wanted = to.download(hash, claimed).unwrap();
            let missing: Vec<_> = wanted.missing().collect();
            assert!(!missing.contains(&Segment::last(claimed)), "what came before the cut is not fetched again");
            for segment in missing {
                wanted.write(segment, &from.segment(&hash, Some(segment.start)).unwrap().1).unwrap();
            }
            assert_eq!(wanted.finish().unwrap(), claimed);
            assert_eq!(to.read(&hash).unwrap(), bytes);
        }
        assert_eq!(to.stats(), from.stats());
        assert_eq!(fs::read_dir(to.directory.join("partial")).unwrap().count(), 0);
    }

    #[test]
    fn a_lie_is_noticed_wherever_it_is_and_nothing_of_it_counts() {
        let (_directory, from, to) = stores();
        let hash = from.import(&content(600_000)).unwrap();
        let (size, proof) = from.segment(&hash, Some(SEGMENT_BYTES)).unwrap();
        let segment = Segment::at(SEGMENT_BYTES, size).unwrap();
        let mut wanted = to.download(hash, size).unwrap();
        assert!(proof.len() as u64 <= SEGMENT_BYTES + crate::blob::SEGMENT_PROOF_BYTES_MAX);
        for position in [0, 63, 64, 200, proof.len() / 2, proof.len() - 1] {
            let mut lie = proof.clone();
            lie[position] ^= 1;
            assert!(matches!(wanted.write(segment, &lie), Err(BlobError::Lying)), "byte {position}");
        }
        for lie in [&[][..], &proof[..proof.len() - 1], &[proof.as_slice(), &[0]].concat(), &vec![0; 1 << 20]] {
            assert!(matches!(wanted.write(segment, lie), Err(BlobError::Lying)), "{} bytes", lie.len());
        }
        assert_eq!(wanted.missing().count(), 3);
        wanted.write(segment, &proof).unwrap();
        assert_eq!(wanted.missing().count(), 2);
        assert!(matches!(wanted.finish(), Err(BlobError::Absent)));
    }

    #[test]
    fn a_download_that_the_disk_damaged_is_thrown_away_whole() {
        let (_directory, from, to) = stores();
        let hash = from.import(&content(100)).unwrap();
        let (size, proof) = from.segment(&hash, None).unwrap();
        let mut wanted = to.download(hash, size).unwrap();
        wanted.write(Segment::last(size), &proof).unwrap();
        fs::write(paths(&to, &hash).0, vec![0; 100]).unwrap();
        assert!(matches!(wanted.finish(), Err(BlobError::Lying)));
        assert!(!to.contains(&hash));
        assert_eq!(to.stats().bytes, 0);
        assert_eq!(to.download(hash, size).unwrap().missing().count(), 1, "and starts anew");
    }

    #[test]
    fn a_download_needs_room_for_all_of_it() {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(BlobStore::open(directory.path(), 1000).unwrap());
        assert!(matches!(store.download(BlobHash([1; 32]), 1001), Err(BlobError::Full)));
        assert!(matches!(store.download(BlobHash([1; 32]), BLOB_BYTES_MAX + 1), Err(BlobError::TooLarge { .. })));
        assert!(store.download(BlobHash([1; 32]), 1000).is_ok());
        assert!(matches!(store.import(&[0]), Err(BlobError::Full)), "room is set aside for the download");
    }
}
