//! A disk without room: the person is told, what was acknowledged stays, and with room again the node goes on.

use std::{path::Path, process::Command};

use anyhow::{Result, bail};
use hutong_tests::{Node, Options, Person, befriend};

/// How many messages one page of the API has at most.
const PAGE: usize = 100;

/// A small file system that goes away again.
struct SmallDisk {
    place: tempfile::TempDir,
}

impl SmallDisk {
    /// `None` where this process may not mount one.
    fn mount(mebibytes: u32) -> Option<Self> {
        let place = tempfile::tempdir().ok()?;
        let size = format!("size={mebibytes}m");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(place.path()).output();
        done.is_ok_and(|output| output.status.success()).then_some(Self { place })
    }

    fn path(&self) -> &Path {
        self.place.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a process of the test may still be ending.
        let done = Command::new("umount").arg("-l").arg(self.place.path()).status();
        assert!(done.is_ok_and(|status| status.success()) || std::thread::panicking(), "cannot unmount");
    }
}

#[tokio::test]
async fn a_full_disk_is_said_and_loses_nothing_that_was_acknowledged() -> Result<()> {
    // Large enough for an empty node, small enough to fill.
    let Some(disk) = SmallDisk::mount(96) else {
        eprintln!("skipped: only root may mount the small file system that this needs");
        return Ok(());
    };
    let options = Options { data_dir: Some(disk.path().join("data")), ..Options::default() };
    let (mut mei, mut tom) = tokio::try_join!(Person::with("Mei", options), Person::new("Tom"))?;
    befriend(&mut mei, &mut tom).await?;
    let chat = mei.chat_with(&tom);
    let mut acknowledged = Vec::new();
    for number in 0..5 {
        let words = format!("kept {number}");
        mei.say(&chat, &words).await?;
        acknowledged.push(words);
    }

    let ballast = disk.path().join("ballast");
    fill(&ballast)?;
    let refused = loop {
        let words = format!("{} {}", acknowledged.len(), "x".repeat(3_000));
        match mei.say(&chat, &words).await {
            Ok(_) => acknowledged.push(words),
            Err(refused) => break refused,
        }
        if acknowledged.len() > 20_000 {
            bail!("the disk never became full");
        }
    };
    assert!(!format!("{refused:#}").is_empty());
    // It either stops by itself, or refuses and goes on; with room again it has everything it said yes to.
    if mei.node.lives()? {
        mei.node.kill().await?;
    } else {
        assert_ne!(mei.node.ended().await?, Some(0), "a full disk is not a success");
    }
    std::fs::remove_file(&ballast)?;
    mei.restart().await?;
    let have = mei.texts(&chat).await?;
    let newest = acknowledged.iter().rev().take(PAGE);
    assert!(newest.clone().all(|words| have.contains(words)), "an acknowledged message is gone");
    let last = mei.say(&chat, "room again").await?;
    mei.until_state(&chat, &last, "delivered").await
}

/// Writes until nothing more fits.
fn fill(path: &Path) -> Result<()> {
    use std::io::Write as _;
    let mut file = std::fs::File::create(path)?;
    for size in [1 << 20, 1 << 12] {
        let block = vec![1; size];
        while file.write_all(&block).is_ok() {}
    }
    Ok(())
}

#[tokio::test]
async fn a_data_directory_in_use_is_not_shared() -> Result<()> {
    let node = Node::start("Mei").await?;
    let output = tokio::process::Command::new(hutong_tests::binary())
        .args(["run", "--json", "--no-mdns", "--web", "127.0.0.1:0", "--data-dir"])
        .arg(node.data_dir())
        .stdin(std::process::Stdio::null())
        .output()
        .await?;
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
