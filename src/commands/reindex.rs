//! `hutong reindex`: the search index anew, from the records.

use hutong_node::handle::NodeConfig;
use serde_json::{Value, json};

use super::run::start;
use crate::{config::Settings, failure::Failure, output::Output, running};

/// Builds the index anew.
///
/// # Errors
/// If the directory is in use by something else, or the disk refuses.
pub(super) async fn run(settings: Settings, output: Output) -> Result<(), Failure> {
    if let Some(api) = running::find(&settings.data_dir).await? {
        api.tell("maintenance/reindex", &Value::Null).await?;
    } else {
        let config = NodeConfig { listen: Vec::new(), ..NodeConfig::loopback(&settings.data_dir) };
        let node = start(config).await?;
        let progress = output.progress("Indexing", 0);
        let done = node.reindex(move |done, total| progress.set(done as u64, total as u64)).await;
        node.shutdown().await;
        done?;
    }
    output.value(&json!({ "reindexed": true }));
    output.say("The search index is new.");
    Ok(())
}
