//! A file of 256 MiB from one node to another on this machine, against a bare libp2p stream.

use std::path::Path;

use hutong_node::bench::blob;

use super::{Figure, RATIO};
use crate::failure::Failure;

/// Bytes carried: long enough that starting costs nothing, small enough for any disk.
pub(super) const BYTES: u64 = 256 * 1024 * 1024;

/// Measures both in one run.
///
/// # Errors
/// If a node does not start or the disk refuses.
pub(super) async fn measure(home: &Path) -> Result<Vec<Figure>, Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("the transfer could not be measured: {error}"));
    let report = blob::run(&home.join("blob"), BYTES).await.map_err(failed)?;
    let (raw, blob) = (report.raw_mib_s(), report.blob_mib_s());
    Ok(vec![
        Figure::new("baseline: a bare libp2p stream", raw, "MiB/s", None),
        Figure::new("a file, proved and written to the disk", blob, "MiB/s", None),
        Figure::new("a file against a bare stream", blob / raw.max(0.001), RATIO, Some(0.5)),
    ])
}
