//! `hutong run`: the node and its web UI, until somebody stops it.

use std::io::Read as _;

use hutong_node::handle::{Node, NodeConfig};
use hutong_web::{Server, WebConfig};
use serde_json::json;
use tokio::sync::oneshot;

use crate::{
    cli::RunArgs,
    config::Settings,
    failure::{Exit, Failure},
    output::Output,
    running::Running,
};

/// Runs the node.
///
/// # Errors
/// If it cannot start, or if the engine stops by itself (a full disk).
pub(super) async fn run(args: RunArgs, settings: Settings, output: Output) -> Result<(), Failure> {
    let mdns = if args.no_mdns { Some(false) } else { settings.mdns };
    let config = NodeConfig {
        data_dir: settings.data_dir.clone(),
        listen: settings.listen.clone(),
        mdns,
        upnp: settings.upnp,
        relay: settings.relay,
        blob_quota_bytes: hutong_node::handle::BLOB_QUOTA_BYTES,
    };
    let node = start(config).await?;
    let result = serve(&args, &settings, &node, output).await;
    node.shutdown().await;
    result
}

/// Starts the node, and says whose directory it is if another process has it.
///
/// # Errors
/// The node's, with exit codes.
pub(crate) async fn start(config: NodeConfig) -> Result<Node, Failure> {
    let data_dir = config.data_dir.clone();
    Node::start(config).await.map_err(|error| {
        let failure = Failure::from(error);
        if failure.exit == Exit::InUse { Failure::in_use(&data_dir) } else { failure }
    })
}

/// Serves until told to stop.
async fn serve(args: &RunArgs, settings: &Settings, node: &Node, output: Output) -> Result<(), Failure> {
    let config = WebConfig { listen: settings.web, play: args.play };
    let server = hutong_web::serve(node.clone(), config).await?;
    let running = Running::announce(&settings.data_dir, server.addr())?;
    greet(settings, node, &server, output)?;
    let parent = args.exit_with_parent.then(parent_gone);
    let ended = tokio::select! {
        why = node.stopped() => Err(Failure::failed(format!("the node stopped by itself: {why}"))),
        signal = stop_signal() => signal,
        () = wait_for(parent) => Ok("the program that started it ended"),
    };
    if let Ok(why) = ended {
        tracing::info!(why, "stopping");
    }
    drop(running);
    server.stop().await;
    ended.map(|_| ())
}

fn greet(settings: &Settings, node: &Node, server: &Server, output: Output) -> Result<(), Failure> {
    let url = server.login_url()?;
    output.value(&json!({
        "event": "ready",
        "url": url,
        "web": server.addr(),
        "token_file": server.api_token_path(),
        "data_dir": settings.data_dir,
        "device": node.device().to_string(),
        "pid": std::process::id(),
    }));
    output.say(&format!("Hutong runs on {}.", settings.data_dir.display()));
    output.say("Open this link in a browser on this machine. It works once, within ten minutes:");
    output.say("");
    output.say(&format!("    {url}"));
    output.say("");
    output.say("Another link: `hutong open`. To stop: Ctrl-C.");
    Ok(())
}

/// Waits for Ctrl-C, or for what a service manager sends.
///
/// # Errors
/// If signals cannot be heard.
#[cfg(unix)]
pub(crate) async fn stop_signal() -> Result<&'static str, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let deaf = |error: std::io::Error| Failure::failed(format!("cannot listen for signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(deaf)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(deaf)?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed.map(|()| "Ctrl-C").map_err(deaf),
        _ = terminate.recv() => Ok("told to terminate"),
        _ = hangup.recv() => Ok("the terminal was closed"),
    }
}

/// Waits for Ctrl-C.
///
/// # Errors
/// If signals cannot be heard.
#[cfg(not(unix))]
pub(crate) async fn stop_signal() -> Result<&'static str, Failure> {
    let pressed = tokio::signal::ctrl_c().await;
    pressed.map(|()| "Ctrl-C").map_err(|error| Failure::failed(format!("cannot listen for signals: {error}")))
}

/// Hears when the standard input is closed: then the program that started this one is gone, however it ended.
fn parent_gone() -> oneshot::Receiver<()> {
    let (tell, told) = oneshot::channel();
    // A thread of its own: a read from the standard input cannot be called off, and must not hold up the end.
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while std::io::stdin().read(&mut buffer).is_ok_and(|read| read > 0) {}
        tell.send(()).ok();
    });
    told
}

async fn wait_for(parent: Option<oneshot::Receiver<()>>) {
    match parent {
        Some(told) => {
            told.await.ok();
        }
        None => std::future::pending().await,
    }
}
