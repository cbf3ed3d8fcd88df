//! From the call of one node's API to the event on the other's: two processes, libp2p on the loopback, the disk's fsync
//! on either side.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use futures::{StreamExt as _, future::try_join};
use hutong_web::api::{
    account::{AccountCreate, AccountCreated},
    chat::{Message, MessageSend},
    contact::{Contact, ContactAdd, ContactState},
    events::Event,
    session::Session,
};

use super::Figure;
use crate::{
    api::{Api, EventStream},
    child::NodeProcess,
    failure::Failure,
};

/// Longer than this, and something is wrong.
const ARRIVES_WITHIN: Duration = Duration::from_secs(30);
/// Messages before the clock runs, and calls of the baseline.
const WARM_UP: u32 = 50;

/// Measures with this many messages.
///
/// # Errors
/// If a node does not start, or a message does not arrive.
pub(super) async fn measure(home: &Path, messages: u32) -> Result<Vec<Figure>, Failure> {
    let (from, to) = try_join(NodeProcess::start(home, "from", &[]), NodeProcess::start(home, "to", &[])).await?;
    let figures = between(&from.door().api, &to.door().api, messages).await;
    from.stop().await;
    to.stop().await;
    figures
}

async fn between(from: &Api, to: &Api, messages: u32) -> Result<Vec<Figure>, Failure> {
    let (mut from_hears, mut to_hears) = (from.events().await?, to.events().await?);
    let (writer, reader) = try_join(account(from, "From"), account(to, "To")).await?;
    let ask = ContactAdd { uri: Some(reader.account.invite.clone()), account: None, text: None };
    let _: Contact = from.post("contacts", &ask).await?;
    contact_is(&mut to_hears, ContactState::Incoming).await?;
    let _: Contact = to.poke(&format!("contacts/{}/accept", writer.account.account)).await?;
    contact_is(&mut from_hears, ContactState::Accepted).await?;
    // Nobody reads this one while messages go out: it would fill up.
    drop(from_hears);

    let path = format!("chats/direct-{}/messages", reader.account.account);
    let mut baseline = Vec::new();
    let mut took = Vec::new();
    for number in 0..messages + WARM_UP {
        if number >= WARM_UP {
            let begun = Instant::now();
            let _: Session = to.get("session").await?;
            baseline.push(begun.elapsed());
        }
        let begun = Instant::now();
        let send = MessageSend { text: format!("message {number}"), ..MessageSend::default() };
        let (sent, heard) = try_join(
            async { Ok::<Message, Failure>(from.post(&path, &send).await?) },
            arrived(&mut to_hears, &send.text),
        )
        .await?;
        if sent.id != heard.0.id {
            return Err(Failure::failed("another message arrived than the one that was sent"));
        }
        if number >= WARM_UP {
            took.push(heard.1.duration_since(begun));
        }
    }
    Ok(vec![
        Figure::new("baseline: an API call that only reads, median", percentile(&mut baseline, 50), "ms", None),
        Figure::new("median", percentile(&mut took, 50), "ms", Some(10.0)),
        Figure::new("99th percentile", percentile(&mut took, 99), "ms", Some(50.0)),
        Figure::new("slowest", percentile(&mut took, 100), "ms", None),
    ])
}

async fn account(api: &Api, name: &str) -> Result<AccountCreated, Failure> {
    Ok(api.post("account", &AccountCreate { name: name.to_owned(), picture: None, phrase: None }).await?)
}

/// The first event that is wanted.
async fn event<T>(events: &mut EventStream, wanted: impl Fn(Event) -> Option<T>) -> Result<T, Failure> {
    let search = async {
        while let Some(frame) = events.next().await {
            let frame = frame.map_err(|error| Failure::failed(format!("the live events broke off: {error}")))?;
            let found = frame.to_text().ok().and_then(|text| serde_json::from_str(text).ok()).and_then(&wanted);
            if let Some(found) = found {
                return Ok(found);
            }
        }
        Err(Failure::failed("the live events ended"))
    };
    let late = || Failure::failed(format!("nothing arrived within {} seconds", ARRIVES_WITHIN.as_secs()));
    tokio::time::timeout(ARRIVES_WITHIN, search).await.map_err(|_| late())?
}

async fn contact_is(events: &mut EventStream, state: ContactState) -> Result<(), Failure> {
    event(events, |event| match event {
        Event::Contact { contact } if contact.state == state => Some(()),
        _ => None,
    })
    .await
}

/// The message with this text, and when it was heard of.
async fn arrived(events: &mut EventStream, text: &str) -> Result<(Message, Instant), Failure> {
    event(events, |event| match event {
        Event::Message { message } if message.text == text => Some((*message, Instant::now())),
        _ => None,
    })
    .await
}

/// In milliseconds. 100: the longest.
fn percentile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    let rank = (times.len() * percent).div_ceil(100).saturating_sub(1);
    times.get(rank).map_or(f64::NAN, |time| time.as_secs_f64() * 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        let mut times: Vec<Duration> = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&mut times, 50), 100.0);
        assert_eq!(percentile(&mut times, 99), 198.0);
        assert_eq!(percentile(&mut times, 100), 200.0);
        assert!(percentile(&mut [], 50).is_nan());
    }
}
