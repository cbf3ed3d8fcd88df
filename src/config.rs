//! Settings: flags > environment > `config.toml` in the data directory > defaults.

use std::{
    ffi::OsString,
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use hutong_node::net::Multiaddr;
use serde::Deserialize;

use crate::{
    cli::Global,
    failure::{Exit, Failure},
};

/// The file, in the data directory.
const CONFIG_FILE: &str = "config.toml";
/// What it may say.
const KEYS: [&str; 6] = ["listen", "log", "mdns", "relay", "upnp", "web"];
/// Where the web UI listens. Always the same, so that a bookmark and a login last.
const WEB_DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8480);
/// Where peers are heard. Always the same port, so that an invite link keeps working after a restart.
const LISTEN_DEFAULT: [&str; 4] =
    ["/ip4/0.0.0.0/tcp/4848", "/ip6/::/tcp/4848", "/ip4/0.0.0.0/udp/4848/quic-v1", "/ip6/::/udp/4848/quic-v1"];

/// Everything that is settled before a command starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Where everything is kept.
    pub(crate) data_dir: PathBuf,
    /// Where to listen for peers.
    pub(crate) listen: Vec<Multiaddr>,
    /// Where the web UI and the API listen.
    pub(crate) web: SocketAddr,
    /// Whether to look for peers on the local network; `None`: as the user's own settings say.
    pub(crate) mdns: Option<bool>,
    /// Whether to relay for others; `None`: if the account has a store.
    pub(crate) relay: Option<bool>,
    /// Whether to ask the router to open our ports.
    pub(crate) upnp: bool,
    /// Log filter, as in `RUST_LOG`.
    pub(crate) log: Option<String>,
}

/// The file's content.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct File {
    listen: Option<Vec<Multiaddr>>,
    log: Option<String>,
    mdns: Option<bool>,
    relay: Option<bool>,
    upnp: Option<bool>,
    web: Option<SocketAddr>,
}

impl Settings {
    /// Puts the settings together.
    ///
    /// # Errors
    /// If no data directory is known, or the file has a mistake (named).
    pub(crate) fn load(global: &Global) -> Result<Self, Failure> {
        let data_dir = match &global.data_dir {
            Some(directory) => directory.clone(),
            None => default_data_dir(std::env::consts::OS, &|name| std::env::var_os(name)).ok_or_else(|| {
                Failure::usage("no home directory is known: say where to keep things with --data-dir")
            })?,
        };
        let data_dir = std::path::absolute(&data_dir).map_err(Failure::io("use", &data_dir))?;
        let file = read_file(&data_dir.join(CONFIG_FILE))?;
        let default_listen = || LISTEN_DEFAULT.iter().filter_map(|address| address.parse().ok()).collect();
        let listen =
            if global.listen.is_empty() { file.listen.unwrap_or_else(default_listen) } else { global.listen.clone() };
        let web = global.web.or(file.web).unwrap_or(WEB_DEFAULT);
        let upnp = file.upnp.unwrap_or(true);
        Ok(Self { data_dir, listen, web, mdns: file.mdns, relay: file.relay, upnp, log: file.log })
    }
}

fn read_file(path: &Path) -> Result<File, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&text).map_err(|mistake| Failure::new(Exit::Usage, format!("{}: {mistake}", path.display()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(File::default()),
        Err(error) => Err(Failure::io("read", path)(error)),
    }
}

/// Reads the file's text; the error says what is wrong and where.
fn parse(text: &str) -> Result<File, String> {
    let table: toml::Table = toml::from_str(text).map_err(|error| error.to_string())?;
    let unknown: Vec<&str> = table.keys().map(String::as_str).filter(|key| !KEYS.contains(key)).collect();
    if !unknown.is_empty() {
        return Err(format!("unknown: {}; there are {}", unknown.join(", "), KEYS.join(", ")));
    }
    toml::from_str(text).map_err(|error| error.to_string())
}

/// The platform's directory for a program's own data.
fn default_data_dir(os: &str, variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || absolute("HOME");
    let base = match os {
        "macos" | "ios" => home()?.join("Library/Application Support"),
        // An absolute path for Windows is something else on the machine that runs the tests.
        "windows" => PathBuf::from(variable("LOCALAPPDATA")?),
        _ => absolute("XDG_DATA_HOME").or_else(|| Some(home()?.join(".local/share")))?,
    };
    Some(base.join("hutong"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file(text: &str) -> (tempfile::TempDir, Global) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(CONFIG_FILE), text).unwrap();
        let global = Global { data_dir: Some(dir.path().to_owned()), ..Global::default() };
        (dir, global)
    }

    #[test]
    fn without_anything_the_defaults_hold() {
        let (_dir, global) = with_file("");
        let settings = Settings::load(&global).unwrap();
        assert_eq!(settings.web, "127.0.0.1:8480".parse().unwrap());
        assert_eq!(settings.listen.len(), LISTEN_DEFAULT.len());
        assert_eq!((settings.mdns, settings.log), (None, None));
        assert_eq!((settings.relay, settings.upnp), (None, true));
    }

    #[test]
    fn flags_come_before_the_file_and_the_file_before_the_defaults() {
        let (_dir, mut global) = with_file(
            "web = \"127.0.0.1:9000\"\nlisten = [\"/ip4/127.0.0.1/tcp/9001\"]\nmdns = false\nlog = \"debug\"\nrelay = true\nupnp = false\n",
        );
        let settings = Settings::load(&global).unwrap();
        assert_eq!(settings.web.port(), 9000);
        assert_eq!(settings.listen, ["/ip4/127.0.0.1/tcp/9001".parse().unwrap()]);
        assert_eq!((settings.mdns, settings.log.as_deref()), (Some(false), Some("debug")));
        assert_eq!((settings.relay, settings.upnp), (Some(true), false));
        global.web = Some("127.0.0.1:9002".parse().unwrap());
        global.listen = vec!["/ip4/127.0.0.1/tcp/9003".parse().unwrap()];
        let settings = Settings::load(&global).unwrap();
        assert_eq!(settings.web.port(), 9002);
        assert_eq!(settings.listen, global.listen);
    }

    #[test]
    fn every_unknown_key_is_named() {
        let (_dir, global) = with_file("webb = 1\nweb = \"127.0.0.1:1\"\nport = 2\n");
        let failure = Settings::load(&global).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        let message = failure.to_string();
        assert!(message.contains("unknown: port, webb") || message.contains("unknown: webb, port"), "{message}");
        assert!(message.contains("there are listen, log, mdns, relay, upnp, web"), "{message}");
    }

    #[test]
    fn a_wrong_value_is_a_mistake_in_the_file() {
        for text in ["web = 8480", "listen = [\"nowhere\"]", "mdns = \"yes\"", "= ="] {
            let (_dir, global) = with_file(text);
            let failure = Settings::load(&global).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage, "{text}");
            assert!(failure.to_string().contains(CONFIG_FILE), "{failure}");
            assert!(!failure.to_string().contains('\n'), "{failure}");
        }
    }

    #[test]
    fn the_data_directory_is_where_the_platform_keeps_such_things() {
        let find = |os: &str, pairs: &[(&str, &str)]| {
            let pairs: Vec<(String, String)> =
                pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let variable =
                move |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| OsString::from(value));
            default_data_dir(os, &variable)
        };
        let home = ("HOME", "/home/mei");
        assert_eq!(find("linux", &[home]), Some("/home/mei/.local/share/hutong".into()));
        assert_eq!(find("linux", &[home, ("XDG_DATA_HOME", "/data")]), Some("/data/hutong".into()));
        assert_eq!(find("linux", &[home, ("XDG_DATA_HOME", "relative")]), Some("/home/mei/.local/share/hutong".into()));
        assert_eq!(find("macos", &[home]), Some("/home/mei/Library/Application Support/hutong".into()));
        assert_eq!(find("windows", &[("LOCALAPPDATA", "C:\\x")]), Some(PathBuf::from("C:\\x").join("hutong")));
        assert_eq!(find("linux", &[]), None);
    }
}
