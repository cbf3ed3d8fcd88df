//! `hutong demo`: a small neighbourhood of real nodes on this machine, to try everything in.
//!
//! ```text
//! hutong demo ─┬─ run (you)            the browser is yours
//!              ├─ run (李梅 Mei)        ┐
//!              ├─ run (Tom)            │ played by `life`, over the same HTTP API
//!              ├─ run (Dawn Greens)    │
//!              └─ run (Old Lane)       ┘
//! ```
//! The five are processes of their own and talk libp2p on the loopback interface. When this process ends, however it
//! ends, their standard input is closed and they stop.

mod assets;
mod cast;
mod life;
mod neighbour;
mod scene;
mod shop;
mod words;

use std::time::Duration;

use hutong_web::api::session::LoginLink;
use serde_json::{Value, json};

use self::scene::Scene;
use crate::{
    api::{Api, ApiError},
    child::{self, Door, NodeProcess},
    cli::DemoArgs,
    commands::stop_signal,
    config::Settings,
    failure::Failure,
    output::Output,
};

/// How long anything in the demonstration may take to arrive before something is wrong.
const ARRIVES_WITHIN: Duration = Duration::from_secs(30);
/// How often to look whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(40);

/// Why the demonstration did not start.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    #[error("{who}'s node: {source}")]
    Api { who: &'static str, source: ApiError },
    #[error("{who}'s node waited {} seconds for {what} and gave up", ARRIVES_WITHIN.as_secs())]
    Late { who: &'static str, what: &'static str },
    #[error("the demonstration's file {0} is not part of this program")]
    Asset(String),
}

impl From<DemoError> for Failure {
    fn from(error: DemoError) -> Self {
        Self::failed(error.to_string())
    }
}

/// A node of the demonstration, seen through its API.
#[derive(Clone)]
struct Actor {
    who: &'static str,
    api: Api,
}

impl Actor {
    /// For `map_err`: says whose node it was.
    fn failed(&self) -> impl FnOnce(ApiError) -> DemoError {
        let who = self.who;
        move |source| DemoError::Api { who, source }
    }

    /// Asks again and again until there is an answer that is wanted.
    async fn until<T, F>(&self, what: &'static str, mut look: F) -> Result<T, DemoError>
    where
        F: AsyncFnMut(&Api) -> Result<Option<T>, ApiError>,
    {
        let wait = async {
            loop {
                if let Some(found) = look(&self.api).await.map_err(self.failed())? {
                    return Ok(found);
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let late = DemoError::Late { who: self.who, what };
        tokio::time::timeout(ARRIVES_WITHIN, wait).await.unwrap_or(Err(late))
    }
}

/// Sets everything up, prints the link, and plays until Ctrl-C.
///
/// # Errors
/// If a node does not start, or ends by itself.
pub(crate) async fn run(args: DemoArgs, settings: Settings, output: Output) -> Result<(), Failure> {
    // Nothing of the user's own is touched: everything is below one temporary directory.
    drop(settings);
    let home = tempfile::Builder::new()
        .prefix("hutong-demo-")
        .tempdir()
        .map_err(|error| Failure::failed(format!("cannot make a temporary directory: {error}")))?;
    output.say("Setting up a neighbourhood on this machine …");
    let starts = cast::EVERYBODY.map(|who| NodeProcess::start(home.path(), who, &["--play"]));
    let mut nodes = futures::future::try_join_all(starts).await?;
    output.say("  five nodes are running");
    let doors: Vec<Door> = nodes.iter().map(NodeProcess::door).collect();
    let result = tokio::select! {
        played = play(&args, &doors, output) => played,
        signal = stop_signal() => signal.map(|_| ()),
        failure = child::first_to_end(&mut nodes) => Err(failure),
    };
    output.say("Stopping …");
    futures::future::join_all(nodes.into_iter().map(NodeProcess::stop)).await;
    home.close().map_err(|error| Failure::failed(format!("cannot remove the temporary directory: {error}")))?;
    result
}

/// Never ends by itself.
async fn play(args: &DemoArgs, doors: &[Door], output: Output) -> Result<(), Failure> {
    let [you, mei, tom, greens, lane] = doors else {
        return Err(Failure::failed("the demonstration needs five nodes"));
    };
    let actors = [you, mei, tom, greens, lane].map(|door| Actor { who: door.who, api: door.api.clone() });
    let scene = Scene::set(&actors, args.fresh, output).await?;
    tell(doors, &scene, args.fresh, output).await?;
    if args.quiet {
        std::future::pending::<()>().await;
    }
    life::go_on(&scene).await;
    Ok(())
}

/// Prints the link, and for tests everything they need.
async fn tell(doors: &[Door], scene: &Scene, fresh: bool, output: Output) -> Result<(), Failure> {
    // A fresh one: ten minutes from now.
    let link: LoginLink = scene.you.api.post("session/token", &Value::Null).await?;
    let listed: Vec<Value> = doors.iter().map(|door| door.describe(scene.account_of(door.who))).collect();
    output.value(&json!({
        "event": "ready",
        "url": link.url,
        "group": { "id": scene.group.group, "uri": scene.group.uri, "chat": scene.group.chat },
        "invites": { "mei": scene.mei.account.invite, "tom": scene.tom.account.invite },
        "nodes": listed,
    }));
    output.say("");
    output.say("Open this link. It logs you in, and works once, within ten minutes:");
    output.say("");
    output.say(&format!("    {}", link.url));
    output.say("");
    if fresh {
        output.say("Then choose a name, and meet the neighbours with these links:");
        output.say(&format!("    李梅 Mei   {}", scene.mei.account.invite));
        output.say(&format!("    the group  {}", scene.group.uri));
    } else {
        output.say("You live in Hutong 12. Say hello in the group, ask a shop something, buy strawberries.");
        output.say("李梅 Mei and Tom answer; the shops quote, pack and ship. The money is play money.");
    }
    output.say("");
    output.say("Ctrl-C ends it and removes everything.");
    Ok(())
}
