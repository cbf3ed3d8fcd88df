//! Networks of a test's own: Linux network namespaces with routers, cables and NATs between them, and nodes inside.
//!
//! ```text
//! the test ── unshare (user, net) ──► itself again, as root of nothing but its own namespaces
//!    └─ Net ── cable ── Net ── cable ── Net        a process that holds each namespace
//!         └─ nsenter ─► hutong run                  its API through a Door
//! ```
//! No privileges are needed where the system allows unprivileged user namespaces. Where it does not, or a tool is missing,
//! the test says so and is skipped.

use std::{
    ffi::OsString,
    fs::File,
    future::Future,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    process::{Child, Command, Stdio},
    thread,
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tempfile::TempDir;
use tokio::{io::copy_bidirectional, net::TcpStream, sync::oneshot};

/// Set in the process that runs inside its own namespaces.
const INSIDE: &str = "HUTONG_TEST_WORLD";

/// Runs the body of the test called `name` (its path, as the test runner shows it) in namespaces of its own, or says why
/// not. `tools`: programs beyond `ip` and `nsenter` that it needs.
///
/// # Errors
/// If the test fails.
pub fn in_a_world(name: &str, tools: &[&str], body: impl Future<Output = Result<()>>) -> Result<()> {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        loopback()?;
        return runtime.block_on(body);
    }
    if let Some(missing) = missing(tools) {
        println!("SKIPPED {name}: {missing}");
        return Ok(());
    }
    let status = unshared()
        .arg(std::env::current_exe()?)
        .args([name, "--exact", "--nocapture"])
        .env(INSIDE, "1")
        .env("PATH", path())
        .status()?;
    ensure!(status.success(), "{name} failed in its namespaces: {status}");
    Ok(())
}

fn unshared() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "--"]);
    command
}

/// Administrators' programs are often not on the path of others.
fn path() -> OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/local/sbin:/usr/sbin:/sbin");
    path
}

/// Why there can be no world here.
fn missing(tools: &[&str]) -> Option<String> {
    let mut script = String::from("ip link add v0 type veth peer name v1");
    if tools.contains(&"nft") {
        script.push_str(" && nft 'add table ip t; add chain ip t c { type nat hook postrouting priority 100; }'");
        script.push_str(" && nft add rule ip t c masquerade");
    }
    for tool in ["unshare", "nsenter", "ip"].iter().chain(tools) {
        let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).env("PATH", path()).output();
        if !found.is_ok_and(|found| found.status.success()) {
            return Some(format!(
                "`{tool}` is not installed (Debian: apt-get install util-linux iproute2 nftables miniupnpd-nftables)"
            ));
        }
    }
    let tried = unshared().args(["sh", "-ec", &script]).env("PATH", path()).output();
    match tried {
        Ok(tried) if tried.status.success() => None,
        Ok(tried) => Some(format!(
            "network namespaces are not permitted here: {}",
            String::from_utf8_lossy(&tried.stderr).trim().replace('\n', "; ")
        )),
        Err(error) => Some(format!("network namespaces cannot be tried: {error}")),
    }
}

/// A network namespace: a computer or a router, as far as the network is concerned.
#[derive(Debug)]
pub struct Net {
    name: String,
    holder: Child,
}

impl Net {
    /// A namespace with a loopback and nothing else.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn new(name: &str) -> Result<Self> {
        let mut holder = Command::new("unshare")
            .args(["--net", "--", "sh", "-ec", "ip link set lo up; echo there; read end"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(holder.stdout.take().context("no stdout")?).read_line(&mut line)?;
        ensure!(line.trim() == "there", "no namespace for {name}");
        Ok(Self { name: name.to_owned(), holder })
    }

    /// The process that holds it.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.holder.id()
    }

    /// Runs a shell script inside, line by line, each of which has to succeed.
    ///
    /// # Errors
    /// If a line fails.
    pub fn sh(&self, script: &str) -> Result<()> {
        let mut shell = Command::new("nsenter")
            .args([&format!("--net=/proc/{}/ns/net", self.pid()), "--", "sh", "-e"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        shell.stdin.take().context("no stdin")?.write_all(script.as_bytes())?;
        let done = shell.wait_with_output()?;
        ensure!(done.status.success(), "in {}: {}\n{script}", self.name, String::from_utf8_lossy(&done.stderr));
        Ok(())
    }

    /// Lets a router, hidden already, open ports for those on `lan` who ask it to (UPnP), until what it returns is
    /// dropped. Needs `miniupnpd` (Debian: miniupnpd-nftables).
    ///
    /// # Errors
    /// If the system refuses.
    pub fn open_on_request(&self, wan: &str, lan: &str) -> Result<Running> {
        self.sh("nft 'table inet filter {
  chain miniupnpd { }
  chain prerouting_miniupnpd { }
  chain postrouting_miniupnpd { }
  chain in { type nat hook prerouting priority -100; jump prerouting_miniupnpd; }
  chain out { type nat hook postrouting priority 100; jump postrouting_miniupnpd; }
}'
")?;
        let home = tempfile::tempdir()?;
        let config = home.path().join("miniupnpd.conf");
        let text = format!(
            "ext_ifname={wan}\nlistening_ip={lan}\nenable_upnp=yes\nenable_natpmp=no\nsecure_mode=yes\n\
             upnp_table_name=filter\nupnp_nat_table_name=filter\nupnp_forward_chain=miniupnpd\n\
             upnp_nat_chain=prerouting_miniupnpd\nupnp_nat_postrouting_chain=postrouting_miniupnpd\n\
             uuid=7a2f4f3c-8d1e-4b5a-9c6d-0e1f2a3b4c5d\nallow 1024-65535 0.0.0.0/0 1024-65535\n"
        );
        std::fs::write(&config, text)?;
        let log = File::create(home.path().join("log"))?;
        let child = Command::new("nsenter")
            .args([&format!("--net=/proc/{}/ns/net", self.pid()), "--", "miniupnpd", "-d", "-f"])
            .arg(&config)
            .arg("-P")
            .arg(home.path().join("pid"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        Ok(Running { child, home })
    }

    /// Makes it a router that hides `lan` behind its address on `wan`, as routers at home do: whoever was called may
    /// answer, nobody else gets in, and what belongs to no connection that it knows is dropped without a word. `mapping`: what of the source port becomes of it (nftables' words; empty: it stays
    /// the same where it can, so that holes can be punched; `random,fully-random`: another for each connection).
    ///
    /// # Errors
    /// If the system refuses.
    pub fn hide(&self, wan: &str, mapping: &str) -> Result<()> {
        self.sh(&format!(
            r#"
nft 'table ip home {{
  chain out {{ type nat hook postrouting priority 100; oifname "{wan}" masquerade {mapping}; }}
  chain here {{ type filter hook input priority 0; iifname "{wan}" ct state new drop; }}
  chain through {{
    type filter hook forward priority 0
    ct status dnat accept
    iifname "{wan}" ct state new drop
    ct state new tcp flags & (fin | syn | rst | ack) != syn drop
  }}
}}'
echo 1 > /proc/sys/net/ipv4/ip_forward
"#
        ))
    }
}

/// A program that runs until this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    home: TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        if thread::panicking() {
            let log = std::fs::read_to_string(self.home.path().join("log")).unwrap_or_default();
            eprintln!("--- its log:\n{log}\n---");
        }
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("it did not end: {error}");
        }
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        // It ends when its standard input closes; the namespace goes with its last process.
        drop(self.holder.stdin.take());
        if let Err(error) = self.holder.wait() {
            eprintln!("{} did not end: {error}", self.name);
        }
    }
}

/// Lays a cable: `(where, the name of the plug, its address with the length of the prefix)` at either end.
///
/// # Errors
/// If the system refuses.
pub fn cable(a: (&Net, &str, &str), b: (&Net, &str, &str)) -> Result<()> {
    let made = Command::new("ip")
        .args(["link", "add", a.1, "netns", &a.0.pid().to_string(), "type", "veth", "peer", "name", b.1, "netns"])
        .arg(b.0.pid().to_string())
        .output()?;
    if !made.status.success() {
        bail!("no cable from {} to {}: {}", a.0.name, b.0.name, String::from_utf8_lossy(&made.stderr));
    }
    for (net, plug, address) in [a, b] {
        net.sh(&format!("ip address add {address} dev {plug}\nip link set {plug} up\n"))?;
    }
    Ok(())
}

/// Lets this process reach a port of a namespace's loopback at the same port of its own.
#[derive(Debug)]
pub(crate) struct Door {
    _open: oneshot::Sender<()>,
}

impl Door {
    /// Opens it.
    ///
    /// # Errors
    /// If the port is taken here, or the namespace is gone.
    pub(crate) fn open(pid: u32, port: u16) -> Result<Self> {
        let namespace = File::open(format!("/proc/{pid}/ns/net"))?;
        // Bound out here; what the thread below makes itself is in there.
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        listener.set_nonblocking(true)?;
        let (open, closed) = oneshot::channel();
        thread::Builder::new().name("door".into()).spawn(move || {
            let kind = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(std::os::fd::AsFd::as_fd(&namespace), kind).expect("the namespace is ours");
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                tokio::select! {
                    _ = closed => {}
                    () = pass(listener, port) => {}
                }
            });
        })?;
        Ok(Self { _open: open })
    }
}

async fn pass(listener: TcpListener, port: u16) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    while let Ok((mut out, _)) = listener.accept().await {
        tokio::spawn(async move {
            if let Ok(mut inside) = TcpStream::connect(("127.0.0.1", port)).await
                && let Err(error) = copy_bidirectional(&mut out, &mut inside).await
            {
                eprintln!("a connection through the door ended: {error}");
            }
        });
    }
}

/// Brings up this process' own loopback, through which the doors are reached.
fn loopback() -> Result<()> {
    let up = Command::new("ip").args(["link", "set", "lo", "up"]).status()?;
    ensure!(up.success(), "no loopback");
    Ok(())
}
