//! Peers that mean no good.

use anyhow::Result;
use hutong_tests::{Person, befriend};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Where a person's node listens for peers over TCP: `127.0.0.1:port`.
async fn tcp_address(person: &Person) -> Result<String> {
    let network = person.api().get("/api/network").await?;
    let listen = network["listen"].as_array().unwrap().iter().filter_map(|one| one.as_str());
    let tcp = listen.into_iter().find(|address| address.contains("/tcp/")).expect("it listens on TCP");
    let parts: Vec<&str> = tcp.split('/').collect();
    Ok(format!("{}:{}", parts[2], parts[4]))
}

#[tokio::test]
async fn garbage_and_silence_from_strangers_do_not_keep_people_from_talking() -> Result<()> {
    let (mut mei, mut tom) = tokio::try_join!(Person::new("Mei"), Person::new("Tom"))?;
    let target = tcp_address(&mei).await?;
    // Some never say a word and hold their connections, some talk nonsense until they are cut off.
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(&target).await?);
    }
    for seed in 0..20_u8 {
        let mut garbage = TcpStream::connect(&target).await?;
        let nonsense: Vec<u8> =
            (0..=255_u8).cycle().map(|byte| byte.wrapping_mul(31).wrapping_add(seed)).take(65_536).collect();
        // The other side may hang up in the middle: that is what it should do.
        garbage.write_all(&nonsense).await.ok();
        let mut answer = Vec::new();
        let ended = tokio::time::timeout(hutong_tests::PATIENCE, garbage.read_to_end(&mut answer)).await;
        assert!(ended.is_ok(), "the nonsense is cut off");
    }
    befriend(&mut tom, &mut mei).await?;
    tom.say(&tom.chat_with(&mei), "all quiet here").await?;
    mei.until_texts(&mei.chat_with(&tom), &["all quiet here"]).await?;
    drop(silent);
    assert!(mei.node.lives()?);
    Ok(())
}

/// What an attacker says, over and over.
#[derive(Clone, Copy)]
struct Attack {
    protocol: &'static str,
    message: &'static [u8],
}

/// Bytes that are no message of any protocol.
const GARBAGE: Attack = Attack { protocol: "/hutong/sync/1", message: &[0xff; 512] };
/// A polite greeting without a name, as fast as it goes: `{"hello": {}}` in CBOR.
const FLOOD: Attack = Attack { protocol: "/hutong/mail/1", message: b"\xa1\x65hello\xa0" };
/// More than a message may have.
const OVERSIZED: Attack = Attack { protocol: "/hutong/blob/1", message: &[0; 64 * 1024] };

#[tokio::test]
async fn peers_that_flood_or_send_garbage_are_dropped_while_others_go_on() -> Result<()> {
    let (mut mei, mut tom) = tokio::try_join!(Person::new("Mei"), Person::new("Tom"))?;
    befriend(&mut tom, &mut mei).await?;
    let address = format!("/ip4/127.0.0.1/tcp/{}", tcp_address(&mei).await?.rsplit(':').next().unwrap());
    let attacks = [GARBAGE, FLOOD, OVERSIZED].map(|attack| tokio::spawn(attacked(address.clone(), attack)));
    let mut said = Vec::new();
    for number in 0..10 {
        said.push(format!("in the middle of it {number}"));
        tom.say(&tom.chat_with(&mei), &said[number]).await?;
    }
    let said: Vec<&str> = said.iter().map(String::as_str).collect();
    mei.until_texts(&mei.chat_with(&tom), &said).await?;
    for attack in attacks {
        let attacker = attack.await??;
        let gone = |network: &serde_json::Value| !network["peers"].to_string().contains(&attacker);
        mei.until("the attacker is gone", "/api/network", gone).await?;
    }
    // The friend is still there, and so is the node.
    tom.say(&tom.chat_with(&mei), "still here").await?;
    let told = |page: &serde_json::Value| page.to_string().contains("still here");
    mei.until("the friend is heard", &format!("/api/chats/{}/messages", mei.chat_with(&tom)), told).await?;
    Ok(())
}

/// Attacks until the node has cut the connection three times; the attacker's peer id.
async fn attacked(address: String, attack: Attack) -> Result<String> {
    use futures::StreamExt as _;
    use libp2p::{StreamProtocol, SwarmBuilder, noise, request_response as rr, swarm::SwarmEvent, tcp, yamux};
    /// Requests on their way at once.
    const AT_ONCE: usize = 24;
    let mut swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)?
        .with_behaviour(|_| {
            let protocol = (StreamProtocol::new(attack.protocol), rr::ProtocolSupport::Outbound);
            rr::Behaviour::with_codec(Raw, [protocol], rr::Config::default())
        })?
        .build();
    let attacker = swarm.local_peer_id().to_string();
    let mut cut = 0;
    let run = async {
        swarm.dial(address.parse::<libp2p::Multiaddr>()?)?;
        while cut < 3 {
            match swarm.select_next_some().await {
                SwarmEvent::ConnectionEstablished { peer_id, .. } => {
                    for _ in 0..AT_ONCE {
                        swarm.behaviour_mut().send_request(&peer_id, attack.message.to_vec());
                    }
                }
                SwarmEvent::Behaviour(rr::Event::Message { peer, .. } | rr::Event::OutboundFailure { peer, .. })
                    if swarm.is_connected(&peer) =>
                {
                    swarm.behaviour_mut().send_request(&peer, attack.message.to_vec());
                }
                // A node that will not have it back may refuse before there is a connection.
                SwarmEvent::ConnectionClosed { num_established: 0, .. }
                | SwarmEvent::OutgoingConnectionError { .. } => {
                    cut += 1;
                    swarm.dial(address.parse::<libp2p::Multiaddr>()?)?;
                }
                _ => {}
            }
        }
        anyhow::Ok(())
    };
    match tokio::time::timeout(hutong_tests::PATIENCE, run).await {
        Ok(done) => done.map(|()| attacker),
        Err(_) => anyhow::bail!("{} was attacked and did not hang up", attack.protocol),
    }
}

/// Says whatever it is told to, and reads whatever comes.
#[derive(Clone)]
struct Raw;

impl libp2p::request_response::Codec for Raw {
    type Protocol = libp2p::StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T>(&mut self, _: &Self::Protocol, _: &mut T) -> std::io::Result<Vec<u8>>
    where
        T: futures::AsyncRead + Unpin + Send,
    {
        Ok(Vec::new())
    }

    async fn read_response<T>(&mut self, _: &Self::Protocol, io: &mut T) -> std::io::Result<Vec<u8>>
    where
        T: futures::AsyncRead + Unpin + Send,
    {
        let mut bytes = Vec::new();
        futures::AsyncReadExt::read_to_end(io, &mut bytes).await.map(|_| bytes)
    }

    async fn write_request<T>(&mut self, _: &Self::Protocol, io: &mut T, bytes: Vec<u8>) -> std::io::Result<()>
    where
        T: futures::AsyncWrite + Unpin + Send,
    {
        futures::AsyncWriteExt::write_all(io, &bytes).await
    }

    async fn write_response<T>(&mut self, _: &Self::Protocol, _: &mut T, _: Vec<u8>) -> std::io::Result<()>
    where
        T: futures::AsyncWrite + Unpin + Send,
    {
        Ok(())
    }
}
