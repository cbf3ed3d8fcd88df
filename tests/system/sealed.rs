//! What a mailbox sees of those who use it: the bytes on its wire, and its files.

use std::{
    fs,
    num::NonZeroU32,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use hutong_tests::{Options, Person, Shop, befriend};
use rustix::net::{AddressFamily, Protocol, RecvFlags, SocketType, recv, socket, sockopt};
use serde_json::Value;

/// Words that are nowhere else.
const WORDS: &str = "planted-words-7Qx the strawberries are behind the blue door";
const MEI: &str = "PlantedNameMei9Kz";
const TOM: &str = "PlantedNameTom4Wp";
/// Bytes captured at most: far more than two people say in a minute.
const CAPTURE_MAX: usize = 256 * 1024 * 1024;

/// Everything that passes some ports of this machine, from now until it is ended.
struct Capture {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<u8>>,
}

impl Capture {
    /// Needs the right to open packet sockets; without it the error says so.
    fn start(ports: Vec<u16>) -> Result<Self> {
        // All protocols, in network byte order: `ETH_P_ALL` of Linux.
        let all = NonZeroU32::new(u32::from(0x0003_u16.to_be())).map(Protocol::from_raw);
        let socket = socket(AddressFamily::PACKET, SocketType::RAW, all).context("a packet socket (CAP_NET_RAW)")?;
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(Duration::from_millis(100)))?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let (mut kept, mut buffer) = (Vec::new(), vec![0; 128 * 1024]);
            while !stopped.load(Ordering::Relaxed) && kept.len() < CAPTURE_MAX {
                let Ok((length, _)) = recv(&socket, &mut buffer, RecvFlags::empty()) else { continue };
                let packet = &buffer[..length.min(buffer.len())];
                if ports_of(packet).is_some_and(|pair| pair.iter().any(|port| ports.contains(port))) {
                    kept.extend_from_slice(packet);
                }
            }
            kept
        });
        Ok(Self { stop, thread })
    }

    fn end(self) -> Vec<u8> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// Source and destination port of a TCP or UDP packet over IPv4 in an Ethernet frame.
fn ports_of(frame: &[u8]) -> Option<[u16; 2]> {
    let packet = frame.get(14..)?;
    if frame.get(12..14)? != [0x08, 0x00] || ![6, 17].contains(packet.get(9)?) {
        return None;
    }
    let head = usize::from(packet.first()? & 0x0f) * 4;
    let port = |at: usize| Some(u16::from_be_bytes([*packet.get(head + at)?, *packet.get(head + at + 1)?]));
    Some([port(0)?, port(2)?])
}

fn has(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// An account's key, as text and as bytes.
fn keys(account: &str) -> Vec<Vec<u8>> {
    let alphabet = b"abcdefghijklmnopqrstuvwxyz234567";
    let (mut bits, mut count, mut bytes) = (0u32, 0u32, Vec::new());
    for letter in account.bytes() {
        let value = alphabet.iter().position(|known| *known == letter).unwrap();
        bits = (bits << 5) | u32::try_from(value).unwrap();
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).unwrap());
        }
    }
    vec![account.as_bytes().to_vec(), bytes]
}

fn files_under(directory: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_under(&path)?);
        } else {
            files.push((path.display().to_string(), fs::read(&path)?));
        }
    }
    Ok(files)
}

fn p2p_ports(network: &Value) -> Vec<u16> {
    let listen = network["listen"].as_array().unwrap();
    let port = |address: &Value| address.as_str()?.split('/').nth(4)?.parse().ok();
    listen.iter().filter_map(port).collect()
}

fn api_port(person: &Person) -> u16 {
    person.api().authority().rsplit(':').next().unwrap().parse().unwrap()
}

/// Two people who are never there together, and a shop that keeps their words without being able to read one.
#[tokio::test]
async fn planted_words_names_and_keys_are_nowhere_on_a_mailboxs_wire_nor_in_its_files() -> Result<()> {
    let mut shop = Shop::open("Corner").await?;
    let ports = p2p_ports(&shop.owner.api().get("/api/network").await?);
    ensure!(!ports.is_empty(), "the shop listens somewhere");
    let capture = match Capture::start(ports) {
        Ok(capture) => capture,
        Err(why) => {
            eprintln!("SKIPPED: packets cannot be captured here: {why:#}. Run it as root, or in a user namespace.");
            return Ok(());
        }
    };
    let kept_ports = Options { same_ports: true, ..Options::default() };
    let (mut mei, mut tom) = tokio::try_join!(Person::new(MEI), Person::with(TOM, kept_ports))?;
    // What is said to a node's own API is in the clear on this machine: the capture would see such words.
    let control = Capture::start(vec![api_port(&mei)])?;
    befriend(&mut tom, &mut shop.owner).await?;
    befriend(&mut mei, &mut tom).await?;
    let shop_is_used = |mailboxes: &Value| {
        let nodes = mailboxes["nodes"].as_array().unwrap();
        nodes.iter().any(|node| node["chosen"] == true && node["account"] == shop.id())
    };
    tom.until("the shop keeps his mail", "/api/mailboxes", shop_is_used).await?;
    tom.until("Mei was told so", "/api/network", |network| network["outbox"]["queued"] == 0).await?;

    let (to_tom, to_mei) = (mei.chat_with(&tom), tom.chat_with(&mei));
    tom.node.kill().await?;
    let message = mei.say(&to_tom, WORDS).await?;
    mei.until_state(&to_tom, &message, "at_mailbox").await?;
    shop.owner.until("the shop keeps something", "/api/mailboxes", |kept| kept["kept"]["items"] != 0).await?;
    mei.node.kill().await?;
    tom.restart().await?;
    tom.until_texts(&to_mei, &[WORDS]).await?;
    shop.owner.until("the shop was told to forget it", "/api/mailboxes", |kept| kept["kept"]["items"] == 0).await?;

    ensure!(has(&control.end(), WORDS.as_bytes()), "the capture sees what passes");
    let wire = capture.end();
    ensure!(wire.len() > 10_000, "only {} bytes passed the shop", wire.len());
    let mut secrets = vec![WORDS.as_bytes().to_vec(), MEI.as_bytes().to_vec()];
    secrets.extend(keys(&mei.account));
    // The shop knows Tom, who is its contact; nobody who listens on its wire does.
    let on_the_wire = secrets.iter().cloned().chain([TOM.as_bytes().to_vec()]).chain(keys(&tom.account));
    for secret in on_the_wire {
        ensure!(!has(&wire, &secret), "on the wire: {}", String::from_utf8_lossy(&secret));
    }
    let data_dir = shop.owner.node.data_dir();
    shop.owner.node.kill().await?;
    let files = files_under(&data_dir)?;
    ensure!(files.len() > 3, "the shop has files");
    for (file, bytes) in files {
        for secret in &secrets {
            ensure!(!has(&bytes, secret), "in {file}: {}", String::from_utf8_lossy(secret));
        }
    }
    Ok(())
}
