//! One `hutong run` process and its data directory.

use std::{
    fs::OpenOptions,
    net::{TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdout, Command},
};

use crate::{Client, Live, PATIENCE};

/// Lines of a node's log shown when a test fails.
const LOG_LINES_SHOWN: usize = 60;

/// How to start a node, beyond the usual.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A data directory elsewhere (a small file system, say) instead of a temporary one.
    pub data_dir: Option<PathBuf>,
    /// Whether to listen for peers at the same ports after a restart. Two nodes that are down at the same time find each
    /// other again only so, or through a third.
    pub same_ports: bool,
    /// The process whose network namespace to run in: there the node listens on every address, at port 4848.
    pub inside: Option<u32>,
    /// Whether to look around on the local network.
    pub mdns: bool,
    /// What is in `config.toml`.
    pub config: String,
}

/// What a node prints when it is ready.
#[derive(Debug, Deserialize)]
struct Ready {
    event: String,
    url: String,
    web: String,
    token_file: PathBuf,
    device: String,
    pid: u32,
}

/// A running (or stopped) node.
#[derive(Debug)]
pub struct Node {
    name: String,
    home: TempDir,
    options: Options,
    /// Where it listens for peers.
    listen: String,
    /// Where its API listens.
    web: String,
    #[cfg(target_os = "linux")]
    _door: Option<crate::world::Door>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    ready: Ready,
    client: Client,
    // Kept open: a node that cannot print would be another test.
    _stdout: BufReader<ChildStdout>,
}

/// The `hutong` binary under test.
///
/// # Panics
/// If there is none; the message says how to build it.
#[must_use]
pub fn binary() -> PathBuf {
    if let Some(named) = std::env::var_os("HUTONG_BIN") {
        return named.into();
    }
    // target/<profile>/deps/system-<hash> → target/<profile>/hutong
    let own = std::env::current_exe().expect("a test has a path");
    let profile = own.ancestors().nth(2).expect("a test lies in target/<profile>/deps");
    let found = profile.join(if cfg!(windows) { "hutong.exe" } else { "hutong" });
    assert!(
        found.exists(),
        "{} is not there: run `cargo build --bin hutong` first, as tests/run does",
        found.display()
    );
    found
}

impl Node {
    /// Starts a node on an empty data directory and waits until it is ready.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start(name: &str) -> Result<Self> {
        Self::start_with(name, Options::default()).await
    }

    /// As [`Node::start`], with options.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start_with(name: &str, options: Options) -> Result<Self> {
        let home = tempfile::Builder::new().prefix("hutong-test-").tempdir()?;
        let port = if options.same_ports { reserve_port()? } else { 0 };
        let mut node = Self {
            name: name.to_owned(),
            home,
            options,
            listen: format!("/ip4/127.0.0.1/tcp/{port},/ip4/127.0.0.1/udp/{port}/quic-v1"),
            web: "127.0.0.1:0".to_owned(),
            #[cfg(target_os = "linux")]
            _door: None,
            running: None,
        };
        #[cfg(target_os = "linux")]
        if let Some(pid) = node.options.inside {
            let port = reserve_port()?;
            node._door = Some(crate::world::Door::open(pid, port)?);
            node.web = format!("127.0.0.1:{port}");
            node.listen = "/ip4/0.0.0.0/tcp/4848,/ip4/0.0.0.0/udp/4848/quic-v1".to_owned();
        }
        node.start_again().await?;
        Ok(node)
    }

    /// Starts the process (again) on the same data directory.
    ///
    /// # Errors
    /// If it does not start; the log is in the message.
    pub async fn start_again(&mut self) -> Result<()> {
        assert!(self.running.is_none(), "{} runs already", self.name);
        let log = OpenOptions::new().create(true).append(true).open(self.log_path())?;
        if !self.options.config.is_empty() {
            std::fs::create_dir_all(self.data_dir())?;
            std::fs::write(self.data_dir().join("config.toml"), &self.options.config)?;
        }
        let mut command = match self.options.inside {
            Some(pid) => {
                let mut command = Command::new("nsenter");
                command.arg(format!("--net=/proc/{pid}/ns/net")).arg("--").arg(binary());
                command
            }
            None => Command::new(binary()),
        };
        command.args(["run", "--json", "--exit-with-parent", "--web", &self.web, "--listen", &self.listen]);
        if !self.options.mdns {
            command.arg("--no-mdns");
        }
        let mut child = command
            .arg("--data-dir")
            .arg(self.data_dir())
            .env("RUST_LOG", std::env::var("HUTONG_TEST_LOG").unwrap_or_else(|_| "info".to_owned()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start hutong")?;
        let mut stdout = BufReader::new(child.stdout.take().context("no stdout")?);
        let ready = match tokio::time::timeout(PATIENCE, read_ready(&mut stdout)).await {
            Ok(Ok(ready)) => ready,
            Ok(Err(error)) => return Err(error.context(format!("{} did not start:\n{}", self.name, self.log()))),
            Err(_) => bail!("{} was not ready in time:\n{}", self.name, self.log()),
        };
        let token = std::fs::read_to_string(&ready.token_file).context("no token file")?;
        let client = Client::new(ready.web.clone(), token.trim().to_owned())?;
        self.running = Some(Running { child, ready, client, _stdout: stdout });
        Ok(())
    }

    /// SIGKILL: no chance to tidy up.
    ///
    /// # Errors
    /// If it could not be killed.
    pub async fn kill(&mut self) -> Result<()> {
        let mut running = self.running.take().context("not running")?;
        running.child.kill().await.context("cannot kill")
    }

    /// Stops in an orderly way, and says how it ended.
    ///
    /// # Errors
    /// If it does not end in time or not well.
    pub async fn stop(&mut self) -> Result<()> {
        let mut running = self.running.take().context("not running")?;
        drop(running.child.stdin.take());
        let status = tokio::time::timeout(PATIENCE, running.child.wait()).await.context("it did not stop")??;
        if status.success() { Ok(()) } else { bail!("{} ended with {status}:\n{}", self.name, self.log()) }
    }

    /// Waits until the process ends by itself; its exit code.
    ///
    /// # Errors
    /// If it does not end in time.
    pub async fn ended(&mut self) -> Result<Option<i32>> {
        let mut running = self.running.take().context("not running")?;
        let status = tokio::time::timeout(PATIENCE, running.child.wait()).await.context("it did not end")??;
        Ok(status.code())
    }

    /// Whether the process is still there.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn lives(&mut self) -> Result<bool> {
        match &mut self.running {
            Some(running) => Ok(running.child.try_wait()?.is_none()),
            None => Ok(false),
        }
    }

    /// The API.
    ///
    /// # Panics
    /// If the node is stopped.
    #[must_use]
    pub fn api(&self) -> &Client {
        &self.running().client
    }

    /// A fresh stream of events.
    ///
    /// # Errors
    /// If the node does not take it.
    pub async fn live(&self) -> Result<Live> {
        Live::open(self.api()).await
    }

    /// The link that logs a browser in.
    ///
    /// # Panics
    /// If the node is stopped.
    #[must_use]
    pub fn login_url(&self) -> &str {
        &self.running().ready.url
    }

    /// The device's id.
    ///
    /// # Panics
    /// If the node is stopped.
    #[must_use]
    pub fn device(&self) -> &str {
        &self.running().ready.device
    }

    /// The process.
    ///
    /// # Panics
    /// If the node is stopped.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.running().ready.pid
    }

    /// Where the node keeps everything.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.options.data_dir.clone().unwrap_or_else(|| self.home.path().join("data"))
    }

    /// The end of the log.
    #[must_use]
    pub fn log(&self) -> String {
        let log = std::fs::read(self.log_path()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }

    fn log_path(&self) -> PathBuf {
        Path::new(self.home.path()).join("log")
    }

    fn running(&self) -> &Running {
        self.running.as_ref().unwrap_or_else(|| panic!("{} is stopped", self.name))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // The test's own output is where a person looks first.
            eprintln!("--- the log of {} ends with:\n{}\n---", self.name, self.log());
        }
    }
}

/// A port that nobody uses now, below those that the system gives out by itself: none of these is taken while the node
/// is down.
fn reserve_port() -> Result<u16> {
    /// The ports that may be given: above what services use, below Linux's range of ephemeral ports.
    const PORTS: std::ops::Range<u32> = 20_000..32_000;
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let count = PORTS.end - PORTS.start;
    // Each test is a process of its own: they start at different places.
    let first = std::process::id().wrapping_mul(37);
    for _ in 0..count {
        let step = first.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed)) % count;
        let port = u16::try_from(PORTS.start + step)?;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port")
}

async fn read_ready(stdout: &mut BufReader<ChildStdout>) -> Result<Ready> {
    let mut line = String::new();
    loop {
        line.clear();
        if stdout.read_line(&mut line).await? == 0 {
            bail!("it ended before it was ready");
        }
        match serde_json::from_str::<Ready>(&line) {
            Ok(ready) if ready.event == "ready" => return Ok(ready),
            _ => {}
        }
    }
}
