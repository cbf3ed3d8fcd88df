//! How nodes find and reach each other when the network is not kind: each test in network namespaces of its own.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use hutong_tests::{
    Options, Person, Shop, befriend, picture,
    world::{Net, cable, in_a_world},
};
use serde_json::Value;

/// NAT as most routers at home do it: the port stays the same, so that holes can be punched.
const PORT_KEPT: &str = "";
/// NAT with another port for each connection, as some providers do it: no hole can be punched.
const PORT_RANDOM: &str = "random,fully-random";

/// A node that can reach others again has done so after this, on a loaded machine.
const BACK_WITHIN: Duration = Duration::from_secs(20);

/// Two homes behind routers, and a shop with a public address.
struct Street {
    internet: Net,
    shop: Net,
    homes: [Home; 2],
}

struct Home {
    router: Net,
    inside: Net,
}

impl Street {
    fn build(mapping: &str) -> Result<Self> {
        let internet = Net::new("the internet")?;
        internet.sh("echo 1 > /proc/sys/net/ipv4/ip_forward\n")?;
        let shop = Net::new("shop")?;
        cable((&internet, "shop", "11.0.0.1/24"), (&shop, "eth0", "11.0.0.2/24"))?;
        shop.sh("ip route add default via 11.0.0.1\n")?;
        let homes = [Home::build(&internet, 1, mapping)?, Home::build(&internet, 2, mapping)?];
        Ok(Self { internet, shop, homes })
    }
}

impl Home {
    fn build(internet: &Net, number: u8, mapping: &str) -> Result<Self> {
        let (router, inside) = (Net::new("router")?, Net::new("home")?);
        let plug = format!("home{number}");
        cable((internet, &plug, &format!("11.0.{number}.1/24")), (&router, "wan", &format!("11.0.{number}.2/24")))?;
        cable(
            (&router, "lan", &format!("192.168.{number}.1/24")),
            (&inside, "eth0", &format!("192.168.{number}.2/24")),
        )?;
        router.sh(&format!("ip route add default via 11.0.{number}.1\n"))?;
        router.hide("wan", mapping)?;
        inside.sh(&format!("ip route add default via 192.168.{number}.1\n"))?;
        Ok(Self { router, inside })
    }
}

/// No port is opened by UPnP: nobody in these networks would.
fn inside(net: &Net) -> Options {
    Options { inside: Some(net.pid()), config: "upnp = false\n".to_owned(), ..Options::default() }
}

/// What the network page says of the connection to another.
fn connection<'n>(network: &'n Value, to: &Person) -> Option<&'n Value> {
    network["peers"].as_array()?.iter().find(|peer| peer["account"] == to.account.as_str())
}

/// Mei and Tom at home, and the shop that both follow, through which they can be reached.
async fn neighbours(street: &Street) -> Result<(Person, Person, Shop)> {
    let (mut mei, mut tom, mut shop) = tokio::try_join!(
        Person::with("Mei", inside(&street.homes[0].inside)),
        Person::with("Tom", inside(&street.homes[1].inside)),
        Shop::open_with("Lan's Garden", inside(&street.shop)),
    )?;
    for person in [&mut mei, &mut tom] {
        shop.known_to(person).await?;
        let network = person
            .until("it is reached through the shop", "/api/network", |network| network["reachability"] == "relayed")
            .await?;
        assert_eq!(network["relays"][0]["account"], shop.id());
        assert!(network["relaying"].is_null(), "who has no store does not relay: {network:#}");
        links_name(person, "p2p-circuit").await?;
    }
    let network = shop
        .owner
        .until("the shop relays for two", "/api/network", |network| network["relaying"]["reservations"] == 2)
        .await?;
    assert_eq!(network["reachability"], "public");
    Ok((mei, tom, shop))
}

/// Waits until the invite link has an address with this in it; links follow within a second.
async fn links_name(person: &mut Person, part: &str) -> Result<()> {
    let named = |account: &Value| account["invite"].as_str().is_some_and(|invite| invite.contains(part));
    person.until("the link names the address", "/api/account", named).await.map(drop)
}

/// Both write, both read.
async fn talk(mei: &mut Person, tom: &mut Person, words: [&str; 2]) -> Result<()> {
    let (to_tom, to_mei) = (mei.chat_with(tom), tom.chat_with(mei));
    let before = mei.texts(&to_tom).await?;
    let first = mei.say(&to_tom, words[0]).await?;
    mei.until_state(&to_tom, &first, "delivered").await?;
    let second = tom.say(&to_mei, words[1]).await?;
    tom.until_state(&to_mei, &second, "delivered").await?;
    let mut all: Vec<&str> = before.iter().map(String::as_str).collect();
    all.extend(words);
    tom.until_texts(&to_mei, &all).await?;
    mei.until_texts(&to_tom, &all).await
}

#[test]
fn two_homes_behind_strict_nats_talk_through_the_shop() -> Result<()> {
    in_a_world("reach::two_homes_behind_strict_nats_talk_through_the_shop", &["nft"], async {
        let street = Street::build(PORT_RANDOM)?;
        let (mut mei, mut tom, mut shop) = neighbours(&street).await?;
        befriend(&mut mei, &mut tom).await?;
        talk(&mut mei, &mut tom, ["Is it far?", "Two streets and two routers."]).await?;
        let network = mei.api().get("/api/network").await?;
        let peer = connection(&network, &tom).context("Tom is connected")?;
        assert_eq!(peer["transport"], "relay", "{network:#}");
        let carried = |network: &Value| network["relaying"]["circuits"].as_u64() > Some(0);
        shop.owner.until("the shop carries a circuit", "/api/network", carried).await?;
        Ok(())
    })
}

#[test]
fn where_nats_permit_it_a_hole_is_punched_and_the_relay_is_not_needed() -> Result<()> {
    in_a_world("reach::where_nats_permit_it_a_hole_is_punched_and_the_relay_is_not_needed", &["nft"], async {
        let street = Street::build(PORT_KEPT)?;
        let (mut mei, mut tom, shop) = neighbours(&street).await?;
        befriend(&mut mei, &mut tom).await?;
        let account = tom.account.clone();
        mei.until("the connection is direct", "/api/network", |network| {
            let peers = network["peers"].as_array().into_iter().flatten();
            peers.filter(|peer| peer["account"] == account.as_str()).any(|peer| peer["transport"] != "relay")
        })
        .await?;
        // The shop may close: what was punched does not need it.
        drop(shop);
        talk(&mut mei, &mut tom, ["No detour any more.", "I can hear you breathe."]).await
    })
}

#[test]
fn on_a_lan_without_internet_neighbours_find_each_other() -> Result<()> {
    in_a_world("reach::on_a_lan_without_internet_neighbours_find_each_other", &[], async {
        let (_switch, homes) = lan()?;
        let options = |net: &Net| Options { mdns: true, ..inside(net) };
        let (mut mei, mut tom) =
            tokio::try_join!(Person::with("Mei", options(&homes[0])), Person::with("Tom", options(&homes[1])))?;
        let found = |network: &Value| network["peers"].as_array().is_some_and(|peers| peers.len() == 1);
        mei.until("the neighbour is found", "/api/network", found).await?;
        befriend(&mut mei, &mut tom).await?;
        talk(&mut mei, &mut tom, ["The line is down again.", "Ours is not."]).await?;
        let network = mei.api().get("/api/network").await?;
        assert_eq!(network["reachability"], "local_only", "{network:#}");
        Ok(())
    })
}

/// A switch with two computers plugged in.
fn lan() -> Result<(Net, [Net; 2])> {
    let switch = Net::new("switch")?;
    switch.sh("ip link add lan type bridge\nip link set lan up\n")?;
    let homes = [Net::new("first")?, Net::new("second")?];
    for (number, home) in homes.iter().enumerate() {
        let plug = format!("plug{number}");
        cable((&switch, &plug, "0.0.0.0"), (home, "eth0", &format!("192.168.7.{}/24", number + 1)))?;
        switch.sh(&format!("ip link set {plug} master lan\n"))?;
    }
    Ok((switch, homes))
}

#[test]
fn a_file_arrives_though_both_ends_change_their_addresses_on_the_way() -> Result<()> {
    /// Enough for the line to be busy for seconds.
    const FILE_BYTES: usize = 6 << 20;
    in_a_world("reach::a_file_arrives_though_both_ends_change_their_addresses_on_the_way", &["tc"], async {
        let (switch, homes) = lan()?;
        // 6 MiB take eight seconds.
        switch.sh("tc qdisc add dev plug0 root tbf rate 6mbit burst 64kb latency 400ms\n")?;
        let (mut mei, mut tom) =
            tokio::try_join!(Person::with("Mei", inside(&homes[0])), Person::with("Tom", inside(&homes[1])))?;
        befriend(&mut mei, &mut tom).await?;
        // A picture, and noise that no decoder looks at.
        let mut file = picture("blue-teapot.jpg").to_vec();
        file.extend((file.len()..FILE_BYTES).map(|at| (at % 251) as u8));
        let hash = tom.api().upload(file.clone(), "image/jpeg").await?;

        let (client, wanted) = (mei.api().clone(), hash.clone());
        let fetching = tokio::spawn(async move {
            loop {
                match client.blob(&wanted).await {
                    Ok(bytes) => return Ok(bytes),
                    // One transfer all the time: it never says that nobody has it.
                    Err(error) if error.to_string().contains("on_its_way") => {}
                    Err(error) => return Err(error),
                }
            }
        });
        let past = |part: usize| move |network: &Value| network["traffic"]["bytes_in"].as_u64() > Some(part as u64);
        mei.until("a quarter is here", "/api/network", past(FILE_BYTES / 4)).await?;
        homes[0].sh("ip address del 192.168.7.1/24 dev eth0\nip address add 192.168.7.11/24 dev eth0\n")?;
        mei.until("more than half is here", "/api/network", past(FILE_BYTES / 8 * 5)).await?;
        homes[1].sh("ip address del 192.168.7.2/24 dev eth0\nip address add 192.168.7.22/24 dev eth0\n")?;
        anyhow::ensure!(fetching.await?? == file, "another file came");
        talk(&mut mei, &mut tom, ["It is here, all of it.", "I was under another roof meanwhile."]).await
    })
}

#[test]
fn a_laptop_that_slept_is_back_in_a_moment() -> Result<()> {
    in_a_world("reach::a_laptop_that_slept_is_back_in_a_moment", &["nft"], async {
        // Only she can call: whoever wants to call her meets her router.
        let street = Street::build(PORT_RANDOM)?;
        // As in many offices. A QUIC connection might survive the night.
        street.internet.sh(
            "nft 'table ip office { chain out { type filter hook forward priority 0; ip protocol udp drop; }; }'\n",
        )?;
        let (mut mei, mut tom) = tokio::try_join!(
            Person::with("Mei", inside(&street.homes[0].inside)),
            Person::with("Tom", inside(&street.shop))
        )?;
        befriend(&mut mei, &mut tom).await?;
        talk(&mut mei, &mut tom, ["Good night.", "Sleep well."]).await?;

        signal(&mei, "STOP")?;
        street.internet.sh("ip link set home1 down\n")?;
        let to_mei = tom.chat_with(&mei);
        let first = tom.say(&to_mei, "The tomatoes are in.").await?;
        // Her connection dies of this message, long before the regular probe would find it dead.
        tom.until("she counts as gone", "/api/network", |network| connection(network, &mei).is_none()).await?;
        tom.until_state(&to_mei, &first, "queued").await?;

        // Overnight her provider gave her another address: nothing of the old connection can be saved, and nobody tells her.
        street.homes[0].router.sh(
            "ip address del 11.0.1.2/24 dev wan\nip address add 11.0.1.3/24 dev wan\nip route replace default via 11.0.1.1\n",
        )?;
        street.internet.sh("ip link set home1 up\n")?;
        let awake = Instant::now();
        signal(&mei, "CONT")?;
        tom.until_state(&to_mei, &first, "delivered").await?;
        let took = awake.elapsed();
        println!("the message arrived {took:?} after the laptop woke up");
        anyhow::ensure!(took < BACK_WITHIN, "{took:?} is no moment");
        Ok(())
    })
}

fn signal(person: &Person, signal: &str) -> Result<()> {
    let done = std::process::Command::new("kill").args(["-s", signal, &person.node.pid().to_string()]).status()?;
    anyhow::ensure!(done.success(), "no {signal}");
    Ok(())
}

#[test]
fn a_node_finds_out_whether_it_can_be_called() -> Result<()> {
    in_a_world("reach::a_node_finds_out_whether_it_can_be_called", &["nft"], async {
        let street = Street::build(PORT_KEPT)?;
        let kiosk = Net::new("kiosk")?;
        cable((&street.internet, "kiosk", "11.0.3.1/24"), (&kiosk, "eth0", "11.0.3.2/24"))?;
        kiosk.sh("ip route add default via 11.0.3.1\n")?;
        let (mut mei, mut tom, mut lan) = tokio::try_join!(
            Person::with("Mei", inside(&street.homes[0].inside)),
            Person::with("Tom", inside(&street.shop)),
            Person::with("Lan", inside(&kiosk)),
        )?;
        // Both call Tom, and nobody calls them, but on their asking.
        befriend(&mut mei, &mut tom).await?;
        befriend(&mut lan, &mut tom).await?;
        let says = |what: &'static str| move |network: &Value| network["reachability"] == what;
        tom.until("he was called", "/api/network", says("public")).await?;
        lan.until("Tom could call back", "/api/network", says("public")).await?;
        mei.until("Tom could not call back", "/api/network", says("outgoing_only")).await?;
        Ok(())
    })
}

#[test]
fn a_router_that_opens_ports_makes_a_home_reachable() -> Result<()> {
    in_a_world("reach::a_router_that_opens_ports_makes_a_home_reachable", &["nft", "miniupnpd"], async {
        let street = Street::build(PORT_RANDOM)?;
        let home = &street.homes[0];
        let _upnp = home.router.open_on_request("wan", "lan")?;
        let (mut mei, mut tom) = tokio::try_join!(
            Person::with("Mei", Options { config: String::new(), ..inside(&home.inside) }),
            Person::with("Tom", inside(&street.shop))
        )?;
        mei.until("the port is open", "/api/network", |network| network["reachability"] == "mapped").await?;
        links_name(&mut mei, "11.0.1.2").await?;
        // He calls, not she.
        befriend(&mut tom, &mut mei).await?;
        talk(&mut mei, &mut tom, ["The door is open.", "I come straight in."]).await
    })
}
