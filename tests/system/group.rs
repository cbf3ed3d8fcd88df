//! Public groups.

use anyhow::Result;
use hutong_tests::{Person, befriend};

#[tokio::test]
async fn a_late_third_member_gets_the_history_by_sync() -> Result<()> {
    let (mut mei, mut tom) = tokio::try_join!(Person::new("Mei"), Person::new("Tom"))?;
    befriend(&mut mei, &mut tom).await?;
    let (group, uri) = mei.make_group("Lane 7 market · 七号弄市场").await?;
    let chat = tom.join(&uri).await?;
    assert_eq!(chat, format!("group-{group}"));
    let path = format!("/api/groups/{group}");
    mei.until("both are members", &path, |group| group["member_count"] == 2).await?;
    let mut said = Vec::new();
    for number in 0..10 {
        let (speaker, words) = if number % 2 == 0 {
            (&mut mei, format!("Mei says {number}"))
        } else {
            (&mut tom, format!("Tom 说 {number}"))
        };
        speaker.say(&chat, &words).await?;
        said.push(words);
        // The other has it before it answers: so there is one order, which all must show.
        let heard: Vec<&str> = said.iter().map(String::as_str).collect();
        mei.until_texts(&chat, &heard).await?;
        tom.until_texts(&chat, &heard).await?;
    }

    let mut late = Person::new("Lan").await?;
    late.join(&uri).await?;
    let heard: Vec<&str> = said.iter().map(String::as_str).collect();
    late.until_texts(&chat, &heard).await?;
    late.say(&chat, "What did I miss?").await?;
    said.push("What did I miss?".to_owned());
    let heard: Vec<&str> = said.iter().map(String::as_str).collect();
    mei.until_texts(&chat, &heard).await?;
    tom.until_texts(&chat, &heard).await?;
    let group = late.until("all are members", &path, |group| group["member_count"] == 3).await?;
    let names: Vec<&str> = group["members"].as_array().unwrap().iter().filter_map(|m| m["name"].as_str()).collect();
    assert!(names.contains(&"Mei") && names.contains(&"Tom"), "{names:?}");
    Ok(())
}

#[tokio::test]
async fn a_member_that_was_down_catches_up_when_it_starts_again() -> Result<()> {
    let (mut mei, mut tom) = tokio::try_join!(Person::new("Mei"), Person::new("Tom"))?;
    befriend(&mut mei, &mut tom).await?;
    let (_, uri) = mei.make_group("Tools to lend").await?;
    let chat = tom.join(&uri).await?;
    mei.say(&chat, "one").await?;
    tom.until_texts(&chat, &["one"]).await?;
    tom.node.kill().await?;
    mei.say(&chat, "two").await?;
    mei.say(&chat, "three").await?;
    tom.restart().await?;
    tom.until_texts(&chat, &["one", "two", "three"]).await?;
    tom.say(&chat, "four").await?;
    mei.until_texts(&chat, &["one", "two", "three", "four"]).await
}
