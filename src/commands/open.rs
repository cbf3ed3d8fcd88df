//! `hutong open`: a fresh login link from the node that runs on the data directory.

use std::process::{Command, Stdio};

use hutong_web::api::session::LoginLink;
use serde_json::{Value, json};

use crate::{cli::OpenArgs, config::Settings, failure::Failure, output::Output, running};

/// Gets the link, prints it, and opens it where there is a desktop.
///
/// # Errors
/// If no node runs.
pub(super) async fn run(args: OpenArgs, settings: Settings, output: Output) -> Result<(), Failure> {
    let api = running::require(&settings.data_dir).await?;
    let link: LoginLink = api.post("session/token", &Value::Null).await?;
    output.value(&json!({ "url": link.url }));
    output.say(&link.url);
    if !args.no_browser && !output.is_json() {
        open_browser(&link.url);
    }
    Ok(())
}

/// Asks the desktop to show the link. Where there is none, the printed link is there to be copied.
fn open_browser(url: &str) {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    let started =
        Command::new(program).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    if let Err(error) = started {
        tracing::debug!(%error, program, "no browser was opened");
    }
}
