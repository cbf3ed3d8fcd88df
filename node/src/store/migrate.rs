//! The schema version, and the steps from one to the next.
//!
//! A step runs in one transaction together with the new version number, so a crash leaves the old schema or the new
//! one. The first key that a new store gets is its version.

use super::{Key, KeyRange, STORE_PREFIX, Store, StoreError, Txn};

/// One step: brings a store of version `to - 1` to version `to`.
struct Migration {
    to: u32,
    name: &'static str,
    run: fn(&mut Txn<'_>) -> Result<(), StoreError>,
}

/// Every step, oldest first, without gaps. Steps that shipped are never edited.
const MIGRATIONS: &[Migration] = &[Migration { to: 1, name: "the first schema", run: |_| Ok(()) }];

/// The schema version this program reads and writes.
pub const SCHEMA_VERSION: u32 = newest(MIGRATIONS);

const fn newest(migrations: &[Migration]) -> u32 {
    match migrations.last() {
        Some(migration) => migration.to,
        None => 0,
    }
}

/// Brings `store` to [`SCHEMA_VERSION`]. To be called right after opening, before anything else reads.
///
/// # Errors
/// [`StoreError::NewerSchema`] if a newer program wrote it; [`StoreError::Corrupt`] if it holds entries but no version;
/// otherwise as [`Store::commit`].
pub fn migrate(store: &dyn Store) -> Result<(), StoreError> {
    run(store, MIGRATIONS)
}

fn run(store: &dyn Store, migrations: &[Migration]) -> Result<(), StoreError> {
    let found = version(store)?;
    let supported = newest(migrations);
    if found > supported {
        return Err(StoreError::NewerSchema { found, supported });
    }
    for step in migrations.iter().filter(|step| step.to > found) {
        let mut txn = Txn::new(store);
        (step.run)(&mut txn)?;
        txn.put(version_key(), step.to.to_be_bytes());
        store.commit(txn.into_batch())?;
        tracing::info!(version = step.to, name = step.name, "the store's schema was brought forward");
    }
    Ok(())
}

/// The stored version; 0 if the store is empty.
fn version(store: &dyn Store) -> Result<u32, StoreError> {
    match store.get(&version_key())? {
        Some(bytes) => {
            let bytes =
                bytes.as_ref().try_into().map_err(|_| StoreError::corrupt("the schema version is no number"))?;
            Ok(u32::from_be_bytes(bytes))
        }
        None if store.count(KeyRange::all(), 1)? == 0 => Ok(0),
        None => Err(StoreError::corrupt("there are entries but no schema version")),
    }
}

fn version_key() -> Key {
    Key::new(STORE_PREFIX).str("schema")
}

#[cfg(test)]
mod tests {
    use super::{
        super::{MemoryStore, Read},
        *,
    };

    const STEPS: &[Migration] = &[
        Migration {
            to: 1,
            name: "one",
            run: |txn| {
                txn.put(b"log", b"1".as_slice());
                Ok(())
            },
        },
        Migration {
            to: 2,
            name: "two",
            run: |txn| {
                let log = txn.get(b"log")?.unwrap_or_default();
                txn.put(b"log", [log.as_ref(), b"2"].concat());
                Ok(())
            },
        },
    ];

    fn log(store: &MemoryStore) -> Vec<u8> {
        store.get(b"log").unwrap().map(|log| log.to_vec()).unwrap_or_default()
    }

    #[test]
    fn the_registered_steps_have_no_gaps() {
        for (step, number) in MIGRATIONS.iter().zip(1..) {
            assert_eq!(step.to, number, "{}", step.name);
        }
    }

    #[test]
    fn a_new_store_gets_every_step_once() {
        let store = MemoryStore::new();
        run(&store, STEPS).unwrap();
        run(&store, STEPS).unwrap();
        assert_eq!(log(&store), b"12");
    }

    #[test]
    fn an_old_store_gets_only_what_is_new() {
        let store = MemoryStore::new();
        run(&store, &STEPS[..1]).unwrap();
        run(&store, STEPS).unwrap();
        assert_eq!(log(&store), b"12");
    }

    #[test]
    fn a_step_that_fails_half_way_is_run_again_whole() {
        let store = MemoryStore::new();
        run(&store, &STEPS[..1]).unwrap();
        store.fail_next_commits(1);
        assert!(run(&store, STEPS).is_err());
        assert_eq!((log(&store), version(&store).unwrap()), (b"1".to_vec(), 1));
        run(&store, STEPS).unwrap();
        assert_eq!((log(&store), version(&store).unwrap()), (b"12".to_vec(), 2));
    }

    #[test]
    fn a_newer_store_is_refused_with_both_versions_and_left_alone() {
        let store = MemoryStore::new();
        run(&store, STEPS).unwrap();
        let error = run(&store, &STEPS[..1]).unwrap_err();
        assert!(matches!(error, StoreError::NewerSchema { found: 2, supported: 1 }));
        assert!(error.to_string().contains("install the newer program"), "{error}");
        assert_eq!(log(&store), b"12");
    }

    #[test]
    fn entries_without_a_version_are_not_taken_for_a_new_store() {
        let store = MemoryStore::new();
        let mut txn = Txn::new(&store);
        txn.put(b"something", b"".as_slice());
        store.commit(txn.into_batch()).unwrap();
        assert!(matches!(migrate(&store), Err(StoreError::Corrupt { .. })));
    }
}
