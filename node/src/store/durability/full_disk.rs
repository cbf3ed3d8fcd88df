//! The space ends: commits are refused, reads go on, and after making room nothing acknowledged is missing.

use std::{
    fs::File,
    io::{ErrorKind, Write as _},
    path::Path,
};

use super::{Found, MOUNTS, SledOptions, SledStore, Store, StoreError, compare, fact, in_own_mounts, tool};

#[test]
fn a_full_disk_loses_nothing_acknowledged() {
    in_own_mounts("full_disk::in_own_mounts_");
}

#[test]
#[ignore = "run by another test, in its own mount namespace"]
fn in_own_mounts_() {
    if std::env::var(MOUNTS).is_err() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mounted = directory.path().join("mounted");
    std::fs::create_dir(&mounted).unwrap();
    let (image, target) = (directory.path().join("image"), mounted.to_str().unwrap());
    File::create(&image).unwrap().set_len(128 << 20).unwrap();
    let image = image.to_str().unwrap();
    for (file_system, sudden) in [("tmpfs", false), ("tmpfs", true), ("ext4", false), ("ext4", true)] {
        let mount = match file_system {
            "tmpfs" => tool(&["mount", "-t", "tmpfs", "-o", "size=128m", "tmpfs", target]),
            _ => tool(&["mkfs.ext4", "-q", "-F", image]).and_then(|()| tool(&["mount", "-o", "loop", image, target])),
        };
        match mount {
            Err(why) => eprintln!("SKIPPED full disk on {file_system}: {why}"),
            Ok(()) => {
                fill(&mounted, sudden);
                // Lazily: the store's own threads may hold a file for a moment longer.
                tool(&["umount", "-l", target]).unwrap();
                eprintln!("full disk: {file_system} passed, sudden: {sudden}");
            }
        }
    }
}

/// Commits facts until the store says no; the newest that was acknowledged, and the refusal.
fn commit_until_refused(store: &SledStore, first: u64) -> (u64, StoreError) {
    for number in first..first + 10_000 {
        if let Err(refusal) = store.commit(fact(number)) {
            return (number - 1, refusal);
        }
    }
    panic!("the disk never filled up");
}

/// Takes what is left of the disk.
fn take_the_rest(path: &Path) {
    let mut ballast = File::create(path).unwrap();
    for size in [1 << 20, 1 << 12, 1] {
        let block = vec![1; size];
        loop {
            match ballast.write_all(&block) {
                Ok(()) => {}
                Err(e) if e.kind() == ErrorKind::StorageFull => break,
                Err(e) => panic!("{e}"),
            }
        }
    }
}

/// `sudden`: the disk fills up under a commit, unforeseen. Else the store sees it coming.
fn fill(mounted: &Path, sudden: bool) {
    let (directory, ballast) = (mounted.join("store"), mounted.join("ballast"));
    let options = SledOptions { without_foresight: sudden, ..SledOptions::default() };
    let mut acknowledged = 0;
    // Twice, since the second time the database has been through a full disk before.
    for time in 0..2 {
        let store = SledStore::open(&directory, options.clone()).unwrap();
        for number in acknowledged + 1..=acknowledged + 60 {
            store.commit(fact(number)).unwrap();
        }
        take_the_rest(&ballast);
        let (newest, refusal) = commit_until_refused(&store, acknowledged + 61);
        assert!(matches!(refusal, StoreError::Full), "{refusal:?}");
        assert!(refusal.to_string().contains("free some space"), "{refusal}");
        assert!(matches!(store.commit(fact(newest + 1)), Err(StoreError::Full)), "refuses every further commit");
        match compare(&store, newest) {
            Ok(found) => assert_eq!(found, Found::Whole(newest), "reads go on, at the last commit"),
            Err(e) => assert!(sudden, "reads go on: {e}"), // or they fail, but show nothing wrong
        }
        drop(store);

        match SledStore::open(&directory, options.clone()) {
            Err(StoreError::Full) => {} // recovery needs room, and says so
            Err(e) => panic!("a full disk must not look like {e:?}"),
            Ok(store) => assert!(matches!(compare(&store, newest), Ok(Found::Whole(_)) | Err(StoreError::Full))),
        }
        std::fs::remove_file(&ballast).unwrap();

        let store = SledStore::open(&directory, options.clone()).unwrap();
        let found = compare(&store, newest).unwrap();
        let Found::Whole(found) = found else { panic!("time {time}: {found:?}") };
        store.commit(fact(found + 1)).unwrap();
        acknowledged = found + 1;
    }
}
