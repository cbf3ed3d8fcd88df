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
