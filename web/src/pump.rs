//! Carries what happens in the node to the tabs: one look at the store for a burst of events, one JSON text for all tabs.

use std::collections::BTreeSet;

use hutong_node::{
    account, chat,
    engine::{self, ChatId, EngineError},
};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::{
    api::{attachment, cart, chat_view, contact, events::Event, order},
    state::AppState,
    views::Views,
};

/// Events turned into JSON in one look at the store. A burst beyond that takes another look.
const BURST_MAX: usize = 64;

/// Runs until the node or the server stops.
pub(crate) async fn run(state: AppState) {
    let mut source = state.node().subscribe();
    let mut stop = state.stopping();
    loop {
        let first = tokio::select! {
            () = crate::api::events::stopped(&mut stop) => return,
            first = source.recv() => first,
        };
        let (mut burst, mut missed) = match first {
            Ok(event) => (vec![event], false),
            Err(RecvError::Lagged(_)) => (Vec::new(), true),
            Err(RecvError::Closed) => return,
        };
        while burst.len() < BURST_MAX {
            match source.try_recv() {
                Ok(event) => burst.push(event),
                Err(TryRecvError::Lagged(_)) => missed = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        if state.events().has_listeners() {
            deliver(&state, burst, missed).await;
        }
    }
}

async fn deliver(state: &AppState, burst: Vec<engine::Event>, missed: bool) {
    let people_moved = burst.iter().any(|event| matches!(event, engine::Event::Peers(_)));
    let shaped = state.view(move |views| shape_all(views, burst)).await;
    if missed || shaped.is_err() {
        state.events().send(&Event::Missed);
    }
    for event in shaped.unwrap_or_default() {
        state.events().send(&event);
    }
    if people_moved && let Ok(network) = state.node().network().await {
        let peers = u32::try_from(network.peers.len()).unwrap_or(u32::MAX);
        state.events().send(&Event::Network { peers });
    }
}

/// Each change once: a burst often says the same several times, and what is read is how it is now.
fn shape_all(views: &Views<'_>, burst: Vec<engine::Event>) -> Result<Vec<Event>, EngineError> {
    let mut shaped = Vec::with_capacity(burst.len());
    let mut chats = BTreeSet::new();
    for event in burst {
        match &event {
            engine::Event::Message { chat, .. } | engine::Event::Chat(chat) => {
                chats.insert(*chat);
            }
            _ => {}
        }
        for event in shape(views, event)? {
            if !shaped.contains(&event) {
                shaped.push(event);
            }
        }
    }
    for id in chats {
        shaped.push(chat_event(views, &id)?);
    }
    Ok(shaped)
}

fn chat_event(views: &Views<'_>, id: &ChatId) -> Result<Event, EngineError> {
    let chat = chat_view::shape(views, id, chat::view::row(views.read, id)?)?;
    Ok(Event::Chat { chat: Box::new(chat) })
}

fn shape(views: &Views<'_>, event: engine::Event) -> Result<Vec<Event>, EngineError> {
    let one = |event| Ok(vec![event]);
    match event {
        engine::Event::Message { chat, id } => {
            let Some(row) = chat::view::message(views.read, &chat, &id)? else { return Ok(Vec::new()) };
            one(Event::Message { message: Box::new(chat_view::message(views, row)?) })
        }
        engine::Event::MessageGone { chat, id } => {
            one(Event::MessageGone { chat: chat_view::name(&chat), id: id.into() })
        }
        engine::Event::MessageState { chat, ids, status } => one(Event::MessageState {
            chat: chat_view::name(&chat),
            ids: ids.into_iter().map(Into::into).collect(),
            state: chat_view::moved_to(status),
        }),
        engine::Event::Chat(_) => Ok(Vec::new()),
        engine::Event::Contact(account) => one(Event::Contact { contact: Box::new(contact::shape(views, &account)?) }),
        engine::Event::Group(group) => one(Event::Group { group: group.into() }),
        engine::Event::Profile(account) => one(Event::Profile { account: account.into() }),
        engine::Event::Presence { account, online } => {
            let online = online || views.is_seen(&account)?;
            one(Event::Presence { account: account.into(), online })
        }
        engine::Event::Typing { chat, account } => {
            one(Event::Typing { chat: chat_view::name(&chat), account: account.into() })
        }
        // A store is seen whenever it is connected; people only if they share it.
        engine::Event::Peers(account) if account::view::is_store(views.read, &account)? => {
            one(Event::Presence { account: account.into(), online: views.is_seen(&account)? })
        }
        engine::Event::Peers(_) => Ok(Vec::new()),
        engine::Event::Store(account) => one(Event::Store { store: account.into() }),
        engine::Event::Listing(account, listing) => one(Event::Listing { store: account.into(), listing }),
        engine::Event::Review(account, listing) => one(Event::Review { store: account.into(), listing }),
        engine::Event::Order(id) => {
            let order = order::summary(views, id)?;
            Ok(order.map(|order| Event::Order { order: Box::new(order) }).into_iter().collect())
        }
        engine::Event::Cart => one(Event::Cart { count: cart::count(views)? }),
        engine::Event::Attachment(blob) => attachment::events(views, &blob),
        engine::Event::Blob(hash) => one(Event::Blob { hash: hash.into() }),
    }
}
