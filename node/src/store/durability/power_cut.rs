//! The disk ends in the middle of anything: ext4 on a loop image is shut down without flushing its log, so that it
//! keeps what had reached the disk and no more, and is mounted again.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::{Dice, Found, MOUNTS, Writer, examine, in_own_mounts, rounds, seed, tool};

/// As for SIGKILL: some rounds on a young database, some on a grown one.
const ROUNDS_PER_IMAGE: u64 = 6;

/// `ioctl(EXT4_IOC_SHUTDOWN, EXT4_GOING_FLAGS_NOLOGFLUSH)` as soon as a line comes in. In Perl, because there is no
/// ioctl without `unsafe` in Rust, and because it starts before the moment and not in it.
const SHUTDOWN: &str = r#"open(my $f, "<", $ARGV[0]) or die $!; my $flags = pack("L", 2); <STDIN>; ioctl($f, 0x8004587D, $flags) or die $!"#;

#[test]
fn nothing_acknowledged_is_lost_and_no_fact_torn_by_a_power_cut() {
    in_own_mounts("power_cut::rounds_in_own_mounts");
}

#[test]
fn without_the_fsync_a_power_cut_is_found_to_lose() {
    in_own_mounts("power_cut::control_in_own_mounts");
}

/// A small disk of its own.
struct Disk {
    directory: tempfile::TempDir,
}

impl Disk {
    /// Makes one and tries it, or says why this machine can't.
    fn new() -> Result<Self, String> {
        let disk = Self { directory: tempfile::tempdir().unwrap() };
        std::fs::create_dir(disk.mounted()).unwrap();
        tool(&["perl", "-e", "1"])?;
        disk.format()?;
        disk.mount()?;
        disk.unmount()?;
        Ok(disk)
    }

    fn image(&self) -> PathBuf {
        self.directory.path().join("image")
    }

    fn mounted(&self) -> PathBuf {
        self.directory.path().join("mounted")
    }

    fn store(&self) -> PathBuf {
        self.mounted().join("store")
    }

    fn format(&self) -> Result<(), String> {
        let file = std::fs::File::create(self.image()).unwrap();
        file.set_len(256 << 20).unwrap();
        tool(&["mkfs.ext4", "-q", "-F", self.image().to_str().unwrap()])
    }

    fn mount(&self) -> Result<(), String> {
        tool(&["mount", "-o", "loop", self.image().to_str().unwrap(), self.mounted().to_str().unwrap()])
    }

    fn unmount(&self) -> Result<(), String> {
        tool(&["umount", self.mounted().to_str().unwrap()])
    }
}

/// A power cut, ready to happen.
struct Switch(Child);

impl Switch {
    fn ready(mounted: &Path) -> Self {
        let mut perl = Command::new("perl");
        Self(perl.args(["-e", SHUTDOWN]).arg(mounted).stdin(Stdio::piped()).spawn().unwrap())
    }

    fn off(mut self) {
        self.0.stdin.take().unwrap().write_all(b"\n").unwrap();
        assert!(self.0.wait().unwrap().success(), "the shutdown ioctl was refused");
    }
}

/// One life of a store: written to until the power goes, then looked at.
fn cut(disk: &Disk, fault: &str, acknowledged: u64, lines: u64, then: Duration) -> (u64, Found) {
    disk.mount().unwrap();
    let switch = Switch::ready(&disk.mounted());
    let mut writer = Writer::start(&disk.store(), fault, acknowledged);
    assert!(writer.listen(lines, then), "the writer ended by itself");
    switch.off();
    let (heard, _) = writer.kill();
    disk.unmount().unwrap();
    disk.mount().unwrap();
    let found = examine(&disk.store(), heard);
    disk.unmount().unwrap();
    (heard, found)
}

#[test]
#[ignore = "run by another test, in its own mount namespace"]
fn rounds_in_own_mounts() {
    if std::env::var(MOUNTS).is_err() {
        return;
    }
    let disk = match Disk::new() {
        Ok(disk) => disk,
        Err(why) => return eprintln!("SKIPPED power cut: {why}"),
    };
    let rounds = rounds(6);
    let mut dice = Dice(seed());
    let (mut acknowledged, mut total) = (0, 0);
    for round in 0..rounds {
        if round % ROUNDS_PER_IMAGE == 0 {
            disk.format().unwrap();
            acknowledged = 0;
        }
        let lines = if dice.roll(8) == 0 { 0 } else { 3 + dice.roll(60) };
        let then = Duration::from_micros(dice.roll(8_000));
        let (heard, found) = cut(&disk, "", acknowledged, lines, then);
        match found {
            Found::Whole(found) => {
                total += found - acknowledged;
                acknowledged = found;
            }
            found => panic!("round {round}, {heard} acknowledged: {found:?}"),
        }
    }
    eprintln!("power cut: {rounds} rounds, {total} facts, nothing acknowledged lost, none torn");
}

/// The control: were the fsync left out, this suite would say so.
#[test]
#[ignore = "run by another test, in its own mount namespace"]
fn control_in_own_mounts() {
    if std::env::var(MOUNTS).is_err() {
        return;
    }
    let disk = match Disk::new() {
        Ok(disk) => disk,
        Err(why) => return eprintln!("SKIPPED power cut without fsync: {why}"),
    };
    let rounds = 4;
    let bad = |round: u64| {
        disk.format().unwrap();
        let (heard, found) = cut(&disk, "without-fsync", 0, 20 + 10 * round, Duration::ZERO);
        eprintln!("power cut without fsync, {heard} acknowledged: {found:?}");
        !matches!(found, Found::Whole(_))
    };
    let bad = (0..rounds).filter(|round| bad(*round)).count();
    assert!(bad > 0, "{rounds} power cuts without an fsync lost nothing: this suite proves nothing");
}
