//! Fetches the pictures that a catalogue names by address, and nothing else.
//!
//! The catalogue may be somebody else's, so its addresses are not trusted: only `http` and `https`, only the public
//! internet (an import must not make this node knock at the doors of its own network), few redirects, a size limit that
//! holds while the bytes arrive, and time limits for each picture and for all of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt as _, stream};
use reqwest::{
    Client, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};

use crate::security::PICTURE_BYTES_MAX;

/// Pictures on their way at a time: polite to a shop's server, and enough for a home's line.
const AT_A_TIME: usize = 4;
/// How long one picture may take.
const PICTURE_WITHIN: Duration = Duration::from_secs(20);
/// How long all pictures of an import may take. The rest is fetched by importing the same file again.
const ALL_WITHIN: Duration = Duration::from_secs(10 * 60);
/// After so many pictures whose servers could not be reached, and none that could, there is no internet here: the rest is
/// not waited for.
const UNREACHED_MAX: usize = 8;
/// Redirects of one picture.
const REDIRECTS_MAX: usize = 5;
/// What is said of addresses that are not on the public internet.
const NOT_PUBLIC: &str = "its address is not on the public internet";

/// Whether an address is on the public internet: not this machine, its network, or anything reserved.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_public_v4(v4),
            None => is_public_v6(v6),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let special = (a, b, c) == (192, 0, 0) || (a == 198 && (b == 18 || b == 19)) || a >= 240 || a == 0;
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || shared
        || special)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // Only 2000::/3 is given out; of that, documentation, Teredo and 6to4 lead elsewhere.
    let [first, second, ..] = address.segments();
    let elsewhere = (first == 0x2001 && (second == 0 || second == 0xdb8)) || first == 0x2002 || first == 0x3fff;
    (0x2000..0x4000).contains(&first) && !elsewhere
}

/// Resolves names to public addresses only.
struct PublicNames;

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() { Err(NOT_PUBLIC.into()) } else { Ok(Box::new(public.into_iter()) as Addrs) }
        })
    }
}

/// Whether an address may be asked at all. (A host given as a number passes no resolver.)
fn may_ask(url: &Url) -> Result<(), &'static str> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err("only http and https addresses are fetched");
    }
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(address) if !is_public(address) => Err(NOT_PUBLIC),
        _ => Ok(()),
    }
}

fn client() -> Result<Client, String> {
    let redirects = redirect::Policy::custom(|attempt| {
        if attempt.previous().len() > REDIRECTS_MAX {
            return attempt.error("too many redirects");
        }
        match may_ask(attempt.url()) {
            Ok(()) => attempt.follow(),
            Err(why) => attempt.error(why),
        }
    });
    let builder = Client::builder().dns_resolver(Arc::new(PublicNames)).redirect(redirects).no_proxy();
    let agent = concat!("hutong/", env!("CARGO_PKG_VERSION"));
    builder.user_agent(agent).timeout(PICTURE_WITHIN).build().map_err(|error| reason(&error))
}

/// The innermost words of an error: what a person can do something about.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "the server does not answer".into();
    }
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

/// Why a picture did not come.
struct Failure {
    why: String,
    /// Its server could not be reached at all.
    unreached: bool,
}

impl<T: Into<String>> From<T> for Failure {
    fn from(why: T) -> Self {
        Self { why: why.into(), unreached: false }
    }
}

impl Failure {
    fn of(error: &reqwest::Error) -> Self {
        Self { why: reason(error), unreached: error.is_connect() || error.is_timeout() }
    }
}

async fn fetch(client: &Client, address: &str) -> Result<Vec<u8>, Failure> {
    let url: Url = address.parse().map_err(|_| "this is no address")?;
    may_ask(&url)?;
    download(client, url).await
}

async fn download(client: &Client, url: Url) -> Result<Vec<u8>, Failure> {
    let response = client.get(url).send().await.map_err(|error| Failure::of(&error))?;
    if !response.status().is_success() {
        return Err(format!("the server says {}", response.status()).into());
    }
    let limit = usize::try_from(PICTURE_BYTES_MAX).unwrap_or(usize::MAX);
    let mut bytes = Vec::new();
    let mut body = response.bytes_stream();
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|error| Failure::of(&error))?;
        if bytes.len().saturating_add(piece.len()) > limit {
            return Err("the picture is larger than 16 MiB".into());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// Fetches pictures by their addresses and hands each to `keep` as it comes; `progress` hears how many are done.
///
/// What could not be fetched is said for each address; nothing else fails.
pub(crate) async fn pictures<T, K, F>(
    addresses: BTreeSet<String>,
    keep: K,
    mut progress: impl FnMut(usize),
) -> BTreeMap<String, Result<T, String>>
where
    K: Fn(Vec<u8>) -> F,
    F: Future<Output = Result<T, String>>,
{
    if addresses.is_empty() {
        return BTreeMap::new();
    }
    let client = match client() {
        Ok(client) => client,
        Err(why) => return addresses.into_iter().map(|address| (address, Err(why.clone()))).collect(),
    };
    let mut found: BTreeMap<String, Result<T, String>> = BTreeMap::new();
    let (client, keep) = (&client, &keep);
    let mut coming = stream::iter(addresses.clone())
        .map(|address| async move {
            match fetch(client, &address).await {
                Ok(bytes) => (address, keep(bytes).await, false),
                Err(failure) => (address, Err(failure.why), failure.unreached),
            }
        })
        .buffer_unordered(AT_A_TIME);
    let mut unreached = 0;
    let all = async {
        while let Some((address, kept, silent)) = coming.next().await {
            unreached += usize::from(silent);
            found.insert(address, kept);
            progress(found.len());
            if unreached >= UNREACHED_MAX && unreached == found.len() {
                return "there is no way to the internet from here";
            }
        }
        "there was no time left"
    };
    let why = tokio::time::timeout(ALL_WITHIN, all).await.unwrap_or("there was no time left");
    for address in addresses {
        let later = || Err(format!("{why}: import the same file again to fetch the rest"));
        found.entry(address).or_insert_with(later);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_asked() {
        for public in ["1.1.1.1", "8.8.8.8", "100.63.0.1", "2606:4700::1111", "::ffff:8.8.8.8"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for private in [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254", // where clouds keep their secrets
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "192.0.0.1",
            "198.18.0.1",
            "203.0.113.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2001:db8::1",
            "2002:7f00:1::",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
    }

    #[tokio::test]
    async fn what_must_not_be_asked_is_a_reason_and_no_request() {
        let addresses = ["http://127.0.0.1:1/a.png", "http://[::1]/a.png", "http://localhost/a.png", "ftp://x/a.png"];
        let mut done = 0;
        let wanted = addresses.iter().map(|&address| address.to_owned()).collect();
        let found = pictures(wanted, async |bytes| Ok(bytes.len()), |count| done = count).await;
        assert_eq!((found.len(), done), (addresses.len(), addresses.len()));
        for (address, result) in found {
            assert!(result.is_err(), "{address}");
        }
    }

    #[tokio::test]
    async fn a_picture_comes_and_one_that_is_too_large_does_not() {
        let app = axum::Router::new()
            .route("/small", axum::routing::get(async || "picture"))
            .route("/large", axum::routing::get(async || vec![0u8; 16 * 1024 * 1024 + 1]));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        // The client's own rules would not let it ask this machine.
        let client = Client::builder().no_proxy().build().unwrap();
        let get = async |path: &str| download(&client, format!("http://{address}{path}").parse().unwrap()).await;
        let why =
            |result: Result<Vec<u8>, Failure>| result.err().map(|failure| (failure.why, failure.unreached)).unwrap();
        assert_eq!(get("/small").await.ok(), Some(b"picture".to_vec()));
        assert!(why(get("/large").await).0.contains("16 MiB"));
        assert_eq!(why(get("/gone").await), ("the server says 404 Not Found".to_owned(), false));
        server.abort();
        assert!(server.await.is_err_and(|error| error.is_cancelled()));
        assert!(why(get("/small").await).1, "nobody answers any more");
    }
}
