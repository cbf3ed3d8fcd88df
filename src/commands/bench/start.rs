//! How fast a node with many records starts, and what it needs when nothing happens.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use hutong_node::handle::NodeConfig;

use super::Figure;
use crate::{child::NodeProcess, commands::run, failure::Failure};

/// The data directory with the records, below the benchmark's.
pub(super) const FULL: &str = "full";
/// The one without.
const EMPTY: &str = "empty";
/// How long nothing happens before memory is looked at.
const IDLE: Duration = Duration::from_secs(10);

/// Measures the node in [`FULL`], and as a baseline one without records.
///
/// # Errors
/// If a node does not start.
pub(super) async fn measure(home: &Path) -> Result<Vec<Figure>, Failure> {
    index(&home.join(FULL)).await?;
    // The first start of either finds files that have never been read since they were written; the second is measured.
    timed(home, EMPTY).await?.1.stop().await;
    let (empty, node) = timed(home, EMPTY).await?;
    let empty_memory = idle_memory(&node).await;
    node.stop().await;
    timed(home, FULL).await?.1.stop().await;
    let (clean, node) = timed(home, FULL).await?;
    let memory = idle_memory(&node).await;
    node.kill().await;
    let (killed, node) = timed(home, FULL).await?;
    node.stop().await;
    let mut figures = vec![
        Figure::new("baseline: start of an empty node", empty, "s", None),
        Figure::new("start after it was stopped", clean, "s", Some(1.0)),
        Figure::new("start after it was killed", killed, "s", Some(1.0)),
    ];
    if let Some((empty_memory, memory)) = empty_memory.zip(memory) {
        figures.push(Figure::new("baseline: memory of an empty node, idle", empty_memory, "MB", None));
        figures.push(Figure::new("memory, idle", memory, "MB", Some(120.0)));
    }
    Ok(figures)
}

/// The records come into the search index, as they would have one by one.
async fn index(data_dir: &Path) -> Result<(), Failure> {
    let node = run::start(NodeConfig::loopback(data_dir)).await?;
    let indexed = node.reindex(|_, _| ()).await;
    node.shutdown().await;
    Ok(indexed?)
}

/// Starts a node; the seconds until it answers.
async fn timed(home: &Path, which: &'static str) -> Result<(f64, NodeProcess), Failure> {
    let begun = Instant::now();
    let node = NodeProcess::start(home, which, &[]).await?;
    Ok((begun.elapsed().as_secs_f64(), node))
}

/// Resident memory in MB after a while without anything to do; none where the system does not tell.
async fn idle_memory(node: &NodeProcess) -> Option<f64> {
    tokio::time::sleep(IDLE).await;
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.door().pid()?)).ok()?;
    resident_megabytes(&status)
}

/// Out of Linux's `/proc/<pid>/status`.
fn resident_megabytes(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_as_the_kernel_writes_it() {
        let status = "Name:\thutong\nVmPeak:\t  999999 kB\nVmRSS:\t   20000 kB\nThreads:\t9\n";
        assert_eq!(resident_megabytes(status), Some(20.48));
        assert_eq!(resident_megabytes("Name:\thutong\n"), None);
    }
}
