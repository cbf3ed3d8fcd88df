//! The neighbours and shops live: each hears its own node's events and does what people would, a little later.

use std::{collections::BTreeSet, time::Duration};

use futures::{
    StreamExt as _,
    future::{BoxFuture, join3, join4},
    stream::FuturesUnordered,
};
use hutong_web::api::{chat::Message, common::Id, contact::Contact, contact::ContactState, events::Event};
use serde_json::json;

use super::{Actor, DemoError, neighbour::Neighbour, scene::Scene, shop::ShopKeeper};

/// Things one of them does at once. Whoever floods a bot gets fewer answers.
const DOES_AT_ONCE_MAX: usize = 32;
/// How long to wait before listening again after the events broke off.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);
/// When a shop shows something new for the first time: soon, for somebody who only has a look.
const FIRST_DEAL_AFTER: Duration = Duration::from_secs(60);
/// How often one does from then on.
const DEAL_EVERY: Duration = Duration::from_secs(150);
/// A line is typed for this long at least and at most, and this long a letter.
const TYPING_MIN: Duration = Duration::from_millis(900);
const TYPING_MAX: Duration = Duration::from_secs(4);
const TYPING_A_LETTER: Duration = Duration::from_millis(35);

/// Something done a little later.
pub(super) type Deed = BoxFuture<'static, Result<(), DemoError>>;

/// What hears events.
pub(super) trait Role {
    /// Whose node.
    fn actor(&self) -> &Actor;

    /// What to do about an event, if anything.
    fn hears(&mut self, event: Event) -> Option<Deed>;

    /// What to look at after having listened anew: events may have been missed.
    fn looks_around(&mut self) -> Option<Deed> {
        None
    }
}

/// Everybody lives until the future is dropped.
pub(super) async fn go_on(scene: &Scene) {
    let bots: BTreeSet<Id> =
        ["mei", "tom", "greens", "lane"].into_iter().filter_map(|who| scene.account_of(who)).collect();
    let mut mei = Neighbour::new(&scene.mei, bots.clone(), true);
    let mut tom = Neighbour::new(&scene.tom, bots, false);
    let mut greens = ShopKeeper::new(&scene.greens);
    let mut lane = ShopKeeper::new(&scene.lane);
    let bots = join4(live(&mut mei), live(&mut tom), live(&mut greens), live(&mut lane));
    let errand = async {
        if let Err(error) = super::neighbour::shops(scene).await {
            tracing::warn!(%error, "a neighbour came back without anything");
        }
    };
    let deals = async {
        for turn in 1.. {
            tokio::time::sleep(if turn == 1 { FIRST_DEAL_AFTER } else { DEAL_EVERY }).await;
            let keeper = if turn % 2 == 1 { &scene.lane } else { &scene.greens };
            if let Err(error) = super::scene::post_deal(keeper, &scene.group, turn / 2).await {
                tracing::warn!(%error, "a deal was not posted");
            }
        }
    };
    join3(bots, errand, deals).await;
}

/// Hears, and does, for ever.
async fn live(role: &mut impl Role) {
    let mut deeds = FuturesUnordered::<Deed>::new();
    loop {
        let events = role.actor().api.events().await;
        let Ok(mut events) = events else {
            tokio::time::sleep(LISTEN_AGAIN).await;
            continue;
        };
        deeds.extend(role.looks_around());
        loop {
            tokio::select! {
                next = events.next() => {
                    let Some(Ok(frame)) = next else { break };
                    let event = frame.to_text().ok().and_then(|text| serde_json::from_str::<Event>(text).ok());
                    if let Some(event) = event.filter(|_| deeds.len() < DOES_AT_ONCE_MAX) {
                        deeds.extend(role.hears(event));
                    }
                }
                Some(done) = deeds.next(), if !deeds.is_empty() => {
                    if let Err(error) = done {
                        tracing::warn!(who = role.actor().who, %error, "something did not work out");
                    }
                }
            }
        }
    }
}

/// Reads a message, "types", and answers.
pub(super) async fn answer(actor: Actor, message: Message, text: String) -> Result<(), DemoError> {
    read(&actor, &message).await?;
    tokio::time::sleep(typing(&text)).await;
    super::scene::say(&actor, &message.chat, &text, None).await.map(drop)
}

async fn read(actor: &Actor, message: &Message) -> Result<(), DemoError> {
    let path = format!("chats/{}/read", message.chat);
    actor.api.tell(&path, &json!({ "up_to": message.id })).await.map_err(actor.failed())
}

/// How long a line takes to type.
fn typing(text: &str) -> Duration {
    let letters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    TYPING_A_LETTER.saturating_mul(letters).clamp(TYPING_MIN, TYPING_MAX)
}

/// Says yes to whoever asks, and greets.
pub(super) fn welcome(actor: &Actor, contact: &Contact, greeting: &'static str) -> Option<Deed> {
    if contact.state != ContactState::Incoming {
        return None;
    }
    let (actor, account) = (actor.clone(), contact.account);
    Some(Box::pin(async move {
        tokio::time::sleep(TYPING_MIN).await;
        let _: Contact = actor.api.poke(&format!("contacts/{account}/accept")).await.map_err(actor.failed())?;
        tokio::time::sleep(typing(greeting)).await;
        super::scene::say(&actor, &format!("direct-{account}"), greeting, None).await.map(drop)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_types_for_ever() {
        assert_eq!(typing(""), TYPING_MIN);
        assert_eq!(typing(&"x".repeat(10_000)), TYPING_MAX);
    }
}
