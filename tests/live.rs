//! The live events of one node.

use std::{collections::VecDeque, time::Duration};

use anyhow::{Context as _, Result, anyhow, bail};
use futures::StreamExt as _;
use serde_json::Value;
use tokio::{net::TcpStream, time::Instant};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest as _, http::header::AUTHORIZATION},
};

use crate::{Client, PATIENCE};

/// Events shown when a test gives up.
const SHOWN_MAX: usize = 40;

/// The event stream, over one WebSocket.
#[derive(Debug)]
pub struct Live {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    seen: VecDeque<String>,
}

impl Live {
    /// Connects. Events from before are not heard.
    ///
    /// # Errors
    /// If the node refuses or does not answer.
    pub async fn open(client: &Client) -> Result<Self> {
        let mut request = format!("ws://{}/api/events", client.authority()).into_client_request()?;
        request.headers_mut().insert(AUTHORIZATION, format!("Bearer {}", client.token()).parse()?);
        let (socket, _) = connect_async(request).await.context("cannot listen to the events")?;
        Ok(Self { socket, seen: VecDeque::new() })
    }

    /// The next event.
    ///
    /// # Errors
    /// If the node closed the stream.
    pub async fn next(&mut self) -> Result<Value> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    if self.seen.len() == SHOWN_MAX {
                        self.seen.pop_front();
                    }
                    self.seen.push_back(text.to_string());
                    return Ok(serde_json::from_str(&text)?);
                }
                Some(Ok(Message::Close(why))) => bail!("the node closed the events: {why:?}"),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => bail!("the events ended"),
            }
        }
    }

    /// The first event that `wanted` takes.
    ///
    /// # Errors
    /// If none comes within [`PATIENCE`]; the message shows those that did.
    pub async fn until(&mut self, what: &str, mut wanted: impl FnMut(&Value) -> bool) -> Result<Value> {
        let search = async {
            loop {
                let event = self.next().await?;
                if wanted(&event) {
                    return Ok(event);
                }
            }
        };
        match tokio::time::timeout(PATIENCE, search).await {
            Ok(found) => found,
            Err(_) => Err(anyhow!("no event \"{what}\" came; seen: {}", self.seen())),
        }
    }

    /// Waits for the next event, at most `longest`: not everything that changes has an event (the search index).
    pub(crate) async fn tick(&mut self, longest: Duration) -> Result<()> {
        let until = Instant::now() + longest;
        match tokio::time::timeout_at(until, self.next()).await {
            Ok(event) => event.map(drop),
            Err(_) => Ok(()),
        }
    }

    /// The newest events, for a message.
    pub(crate) fn seen(&self) -> String {
        self.seen.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}
