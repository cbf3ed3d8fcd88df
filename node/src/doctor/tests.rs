use hutong_protocol::{Draft, Kind, Topic, account::Profile};

use super::*;
use crate::{
    store::MemoryStore,
    testing::{START, TestNode},
};

struct Patient {
    node: TestNode,
    blobs: BlobStore,
    dir: tempfile::TempDir,
}

impl Patient {
    fn healthy() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let blobs = BlobStore::open(&dir.path().join("blobs"), 1 << 30).unwrap();
        blobs.import(b"a picture").unwrap();
        let mut node = TestNode::named("Mei", 1);
        node.call(|cx| {
            let topic = Topic::Profile(cx.me()?);
            for number in 0..600u32 {
                let body = Profile { name: number.to_string(), ..Profile::default() };
                cx.publish(Draft::new(topic.clone(), Kind::Unknown("test.note".into()), &body)?, None)?;
            }
            Ok(())
        })
        .unwrap();
        Self { node, blobs, dir }
    }

    fn store(&self) -> &MemoryStore {
        &self.node.store
    }

    fn examine(&self) -> (Vec<Finding>, Faults) {
        examine(self.store(), &self.blobs, self.dir.path(), self.node.now, &mut |_| {}).unwrap()
    }

    fn rows(&self, prefix: u8) -> Vec<Box<[u8]>> {
        let rows = self.store().collect(KeyRange::prefix(&[prefix]), Direction::Ascending, usize::MAX).unwrap();
        rows.into_iter().map(|(key, _)| key).collect()
    }

    fn change(&self, change: impl FnOnce(&mut Txn<'_>)) {
        let mut txn = Txn::new(self.store());
        change(&mut txn);
        self.store().commit(txn.into_batch()).unwrap();
    }
}

fn health(findings: &[Finding], check: &str) -> Health {
    findings.iter().find(|finding| finding.check == check).unwrap().health
}

#[test]
fn a_healthy_node_has_no_faults() {
    let patient = Patient::healthy();
    let (findings, faults) = patient.examine();
    assert_eq!(faults.count(), 0, "{findings:?}");
    for check in ["store", "records", "index", "files", "clock"] {
        assert_eq!(health(&findings, check), Health::Good, "{check}");
    }
}

#[test]
fn every_sort_of_fault_is_found_and_repaired() {
    let patient = Patient::healthy();
    let records = patient.rows(keys::SET);
    let (changed, gone, unindexed) = (&records[300], &records[400], &records[500]);
    patient.change(|txn| {
        let mut bytes = txn.get(changed).unwrap().unwrap().to_vec();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        txn.put(changed, bytes);
        txn.delete(gone);
        txn.delete(keys::index(&Place::parse(unindexed).unwrap().id));
    });
    let damaged = patient.blobs.import(b"another picture").unwrap();
    let shelf = patient.dir.path().join("blobs").join(&damaged.to_string()[..2]);
    std::fs::write(shelf.join(damaged.to_string()), b"another pictura").unwrap();

    let (findings, faults) = patient.examine();
    assert_eq!(faults.count(), 4, "{findings:?}");
    for check in ["records", "index", "files"] {
        assert_eq!(health(&findings, check), Health::Bad, "{check}");
    }
    repair(patient.store(), &patient.blobs, &faults).unwrap();
    let (findings, faults) = patient.examine();
    assert_eq!(faults.count(), 0, "{findings:?}");
    assert_eq!(patient.rows(keys::SET).len(), records.len() - 2);
    assert!(!patient.blobs.contains(&damaged));
}

#[test]
fn a_record_under_another_key_is_a_fault() {
    let patient = Patient::healthy();
    let records = patient.rows(keys::SET);
    patient.change(|txn| {
        let bytes = txn.get(&records[0]).unwrap().unwrap();
        let mut place = Place::parse(&records[0]).unwrap();
        place.at = place.at.plus_ms(1);
        txn.put(place.key(), bytes);
    });
    let (findings, faults) = patient.examine();
    assert_eq!((faults.count(), health(&findings, "records")), (1, Health::Bad));
}

#[test]
fn a_clock_that_was_never_set_or_went_back_is_noticed() {
    assert_eq!(clock(TimestampMs(0), TimestampMs(0)).health, Health::Bad);
    assert_eq!(clock(START, START.plus_ms(CLOCK_SKEW_MS_MAX)).health, Health::Good);
    assert_eq!(clock(START, START.plus_ms(CLOCK_SKEW_MS_MAX + 1)).health, Health::Warning);
}
