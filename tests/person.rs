//! A person with a node of their own.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{Client, Live, Node, Options, PATIENCE, client::text};

/// Things without a live event (the search index) are looked at again after this long.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Somebody with a node, an account and open ears.
#[derive(Debug)]
pub struct Person {
    /// Their name.
    pub name: String,
    /// Their node.
    pub node: Node,
    /// Their account id.
    pub account: String,
    live: Live,
}

impl Person {
    /// Starts a node and makes an account.
    ///
    /// # Errors
    /// If either fails.
    pub async fn new(name: &str) -> Result<Self> {
        Self::with(name, Options::default()).await
    }

    /// As [`Person::new`], with options for the node.
    ///
    /// # Errors
    /// If either fails.
    pub async fn with(name: &str, options: Options) -> Result<Self> {
        let node = Node::start_with(name, options).await?;
        let live = node.live().await?;
        let created = node.api().post("/api/account", json!({ "name": name })).await?;
        let account = text(&created["account"], "account");
        Ok(Self { name: name.to_owned(), node, account, live })
    }

    /// The API of their node.
    #[must_use]
    pub fn api(&self) -> &Client {
        self.node.api()
    }

    /// The live events of their node.
    pub fn live(&mut self) -> &mut Live {
        &mut self.live
    }

    /// Their invite link, with the addresses where the node listens now.
    ///
    /// # Errors
    /// If the API does not say.
    pub async fn invite(&self) -> Result<String> {
        Ok(text(&self.api().get("/api/account").await?, "invite"))
    }

    /// Reads `path` until `wanted` takes the answer: now, after each event, and once in a while. Refusals (something is
    /// not there yet) are waited out too.
    ///
    /// # Errors
    /// If that does not happen within [`PATIENCE`]; the message shows the last answer and the events.
    pub async fn until(&mut self, what: &str, path: &str, mut wanted: impl FnMut(&Value) -> bool) -> Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.node.api().get(path).await;
            match &answer {
                Ok(value) if wanted(value) => return answer,
                _ if Instant::now() < deadline => self.live.tick(LOOK_AGAIN).await?,
                _ => bail!(
                    "{} waited in vain until {what}: {path} says\n{answer:#?}\nevents:\n{}\nlog:\n{}",
                    self.name,
                    self.live.seen(),
                    self.node.log()
                ),
            }
        }
    }

    /// Writes into a chat; the message.
    ///
    /// # Errors
    /// If the node refuses.
    pub async fn say(&self, chat: &str, words: &str) -> Result<Value> {
        self.api().post(&format!("/api/chats/{chat}/messages"), json!({ "text": words })).await
    }

    /// The texts of a chat, oldest first.
    ///
    /// # Errors
    /// If the node refuses.
    pub async fn texts(&self, chat: &str) -> Result<Vec<String>> {
        let page = self.api().get(&format!("/api/chats/{chat}/messages?limit=200")).await?;
        Ok(texts_of(&page))
    }

    /// Waits until a chat says exactly this.
    ///
    /// # Errors
    /// If it does not within [`PATIENCE`].
    pub async fn until_texts(&mut self, chat: &str, expected: &[&str]) -> Result<()> {
        let path = format!("/api/chats/{chat}/messages?limit=200");
        self.until("the chat is complete", &path, |page| texts_of(page) == expected).await.map(drop)
    }

    /// Waits until a message of one's own is in this state.
    ///
    /// # Errors
    /// If it is not within [`PATIENCE`].
    pub async fn until_state(&mut self, chat: &str, message: &Value, state: &str) -> Result<()> {
        let path = format!("/api/chats/{chat}/messages?limit=200");
        let id = text(message, "id");
        let is = |page: &Value| {
            page["messages"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one["id"] == id && one["state"] == state))
        };
        self.until(&format!("the message is {state}"), &path, is).await.map(drop)
    }

    /// Marks a chat as read, up to its newest message.
    ///
    /// # Errors
    /// If the node refuses.
    pub async fn read_all(&self, chat: &str) -> Result<()> {
        let page = self.api().get(&format!("/api/chats/{chat}/messages?limit=1")).await?;
        let newest = text(&page["messages"][0], "id");
        self.api().post(&format!("/api/chats/{chat}/read"), json!({ "up_to": newest })).await.map(drop)
    }

    /// `kill -9`, then a start on the same data directory.
    ///
    /// # Errors
    /// If it does not start again.
    pub async fn crash_and_restart(&mut self) -> Result<()> {
        self.node.kill().await?;
        self.restart().await
    }

    /// Starts a stopped node again and listens to it.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn restart(&mut self) -> Result<()> {
        self.node.start_again().await?;
        self.live = self.node.live().await?;
        Ok(())
    }

    /// The chat with another.
    #[must_use]
    pub fn chat_with(&self, other: &Self) -> String {
        format!("direct-{}", other.account)
    }

    /// Makes a public group; its id and link.
    ///
    /// # Errors
    /// If the node refuses.
    pub async fn make_group(&self, name: &str) -> Result<(String, String)> {
        let group = self.api().post("/api/groups", json!({ "name": name })).await?;
        Ok((text(&group, "group"), text(&group, "uri")))
    }

    /// Joins a group by its link; its chat.
    ///
    /// # Errors
    /// If the node refuses.
    pub async fn join(&self, uri: &str) -> Result<String> {
        Ok(text(&self.api().post("/api/groups/join", json!({ "uri": uri })).await?, "chat"))
    }
}

/// Makes two people contacts: one asks by the other's link, the other accepts, both see it.
///
/// # Errors
/// If they do not become contacts.
pub async fn befriend(asker: &mut Person, answerer: &mut Person) -> Result<()> {
    let uri = answerer.invite().await?;
    asker.api().post("/api/contacts", json!({ "uri": uri, "text": "Hello from next door" })).await?;
    let path = format!("/api/contacts/{}", asker.account);
    answerer.until("the request arrives", &path, |contact| contact["state"] == "incoming").await?;
    answerer.api().post(&format!("{path}/accept"), json!({})).await?;
    let path = format!("/api/contacts/{}", answerer.account);
    asker.until("the answer arrives", &path, |contact| contact["state"] == "accepted").await?;
    Ok(())
}

fn texts_of(page: &Value) -> Vec<String> {
    page["messages"].as_array().into_iter().flatten().map(|message| text(message, "text")).collect()
}
