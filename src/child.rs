//! A node as a process of its own, started by this one: for the demonstration and the benchmarks.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use hutong_web::api::common::Id;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdin, Command},
};

use crate::{api::Api, failure::Failure};

/// How long a node may take to start. A debug build on a busy machine needs a second or two.
const STARTS_WITHIN: Duration = Duration::from_secs(60);
/// How long it may take to stop before it is ended.
const STOPS_WITHIN: Duration = Duration::from_secs(8);
/// Of this machine only, on free ports.
const LISTEN: &str = "/ip4/127.0.0.1/tcp/0,/ip4/127.0.0.1/udp/0/quic-v1";

/// What `run --json` prints first.
#[derive(Deserialize)]
struct Ready {
    web: SocketAddr,
    token_file: PathBuf,
}

/// A running child.
pub(crate) struct NodeProcess {
    who: &'static str,
    child: Child,
    /// As long as this is open, the child goes on.
    stdin: ChildStdin,
    log: PathBuf,
    door: Door,
}

/// How to reach a node.
#[derive(Clone)]
pub(crate) struct Door {
    /// Whose node it is.
    pub(crate) who: &'static str,
    pub(crate) api: Api,
    web: SocketAddr,
    token: String,
    pid: Option<u32>,
}

impl Door {
    /// Its process.
    pub(crate) const fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// For `--json`: how a test reaches the node.
    pub(crate) fn describe(&self, account: Option<Id>) -> Value {
        let (who, web, token) = (self.who, self.web, &self.token);
        json!({ "who": who, "web": web, "token": token, "pid": self.pid, "account": account })
    }
}

impl NodeProcess {
    /// Starts `hutong run` on the directory `who` below `home`, with these flags too, and waits until it answers.
    ///
    /// # Errors
    /// If it does not start; with the last line of its log.
    pub(crate) async fn start(home: &Path, who: &'static str, flags: &[&str]) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::failed(format!("cannot start {who}'s node: {error}"));
        let log = home.join(format!("{who}.log"));
        let mut command = Command::new(std::env::current_exe().map_err(failed)?);
        command.arg("run").arg("--data-dir").arg(home.join(who)).args(["--listen", LISTEN, "--web", "127.0.0.1:0"]);
        command.args(["--json", "--no-mdns", "--exit-with-parent"]).args(flags);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(&log).map_err(failed)?);
        // Ctrl-C is for this process; the children are told by the end of their input, in order.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.kill_on_drop(true).spawn().map_err(failed)?;
        let (stdin, stdout) =
            child.stdin.take().zip(child.stdout.take()).ok_or_else(|| failed(std::io::Error::other("no pipes")))?;
        let mut lines = BufReader::new(stdout).lines();
        let first = tokio::time::timeout(STARTS_WITHIN, lines.next_line()).await;
        let Ok(Ok(Some(line))) = first else {
            return Err(Failure::failed(format!("{who}'s node did not start: {}", last_line(&log))));
        };
        let ready: Ready = serde_json::from_str(&line).map_err(|error| failed(error.into()))?;
        let token = fs::read_to_string(&ready.token_file).map_err(failed)?.trim().to_owned();
        let api = Api::new(ready.web, &token)?;
        let door = Door { who, api, web: ready.web, token, pid: child.id() };
        Ok(Self { who, child, stdin, log, door })
    }

    /// How to reach it.
    pub(crate) fn door(&self) -> Door {
        self.door.clone()
    }

    /// Ends it at once, as a power cut does.
    pub(crate) async fn kill(mut self) {
        if let Err(error) = self.child.kill().await {
            tracing::warn!(who = self.who, %error, "a node could not be ended");
        }
    }

    /// Lets it stop in order; ends it if it does not.
    pub(crate) async fn stop(mut self) {
        drop(self.stdin);
        if tokio::time::timeout(STOPS_WITHIN, self.child.wait()).await.is_err() {
            tracing::warn!(who = self.who, "a node did not stop by itself and is ended");
            if let Err(error) = self.child.kill().await {
                tracing::warn!(who = self.who, %error, "it could not be ended");
            }
        }
    }
}

/// Waits until one of the nodes ends by itself, and says why.
pub(crate) async fn first_to_end(nodes: &mut [NodeProcess]) -> Failure {
    let ends = nodes.iter_mut().map(|node| {
        Box::pin(async move {
            // Whatever the status says, it was not asked to end.
            node.child.wait().await.ok();
            Failure::failed(format!("{}'s node ended by itself: {}", node.who, last_line(&node.log)))
        })
    });
    futures::future::select_all(ends).await.0
}

fn last_line(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing").to_owned()
}
