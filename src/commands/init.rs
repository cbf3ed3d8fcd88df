//! `hutong init`: the data directory and an account, without a browser and without the network.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use age::secrecy::ExposeSecret as _;
use hutong_node::{
    FEATURES, account, clock,
    engine::{Answer, CommandError, Cx, Engine, Input},
    handle::{STORE_DIR, make_private_dir},
    store::{SledOptions, SledStore, migrate},
};
use hutong_protocol::{AccountId, phrase::Phrase};
use serde_json::json;

use super::{blocking, secret};
use crate::{cli::InitArgs, config::Settings, failure::Failure, output::Output};

/// What an account is made from.
struct Founding {
    name: String,
    phrase: Phrase,
    restored: bool,
}

/// Makes the account.
///
/// # Errors
/// If there is one already, the phrase is wrong, or the directory is in use.
pub(super) async fn run(args: InitArgs, settings: Settings, output: Output) -> Result<(), Failure> {
    let phrase = match &args.phrase_file {
        Some(path) => parse_phrase(path)?,
        None => {
            let entropy = random::<16>()?;
            Phrase::from_entropy(&entropy).ok_or_else(|| Failure::failed("no phrase could be made"))?
        }
    };
    let restored = args.phrase_file.is_some();
    let words: Vec<&str> = phrase.words();
    let founding = Founding { name: args.name, phrase, restored };
    let data_dir = settings.data_dir.clone();
    let account = blocking(move || found(&data_dir, &founding)).await?;
    let phrase = (!restored).then(|| words.join(" "));
    output.value(&json!({ "account": account.to_string(), "data_dir": settings.data_dir, "phrase": phrase }));
    output.say(&format!("The account {account} is in {}.", settings.data_dir.display()));
    if let Some(phrase) = phrase {
        output.say("Its recovery phrase, shown only now. Write it down: whoever has it has the account.");
        output.say("");
        output.say(&format!("    {phrase}"));
        output.say("");
    }
    output.say("Start the node with `hutong run`.");
    Ok(())
}

fn parse_phrase(path: &Path) -> Result<Phrase, Failure> {
    let text = secret::read_text(path)?;
    Phrase::parse(text.expose_secret()).map_err(|error| Failure::bad_input(format!("{}: {error}", path.display())))
}

fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::failed(format!("the system gives no random numbers: {error}")))?;
    Ok(bytes)
}

/// Opens the engine without a network and lets it make the account, as the running node would.
fn found(data_dir: &Path, founding: &Founding) -> Result<AccountId, Failure> {
    make_private_dir(data_dir)?;
    let store = SledStore::open(&data_dir.join(STORE_DIR), SledOptions::default())?;
    migrate(&store)?;
    let mut engine = Engine::open(Arc::new(store), FEATURES, &random()?)?;
    let entropy: [u8; 16] = founding
        .phrase
        .to_entropy()
        .as_slice()
        .try_into()
        .map_err(|_| Failure::failed("a phrase of the wrong length"))?;
    let (name, restored) = (founding.name.clone(), founding.restored);
    let proof: Vec<(usize, String)> = founding.phrase.words().into_iter().map(str::to_owned).enumerate().collect();
    call(&mut engine, move |cx| {
        let account = account::create(cx, &entropy, &name, None, device_name())?;
        // Whoever gave the phrase has it written down.
        if restored {
            account::confirm_phrase(cx, &proof)?;
        }
        Ok(account)
    })
}

/// What the device is called. Only the sort of machine: the profile is public, and a host name may say too much.
const fn device_name() -> &'static str {
    if cfg!(target_os = "macos") {
        "Mac"
    } else if cfg!(windows) {
        "Windows PC"
    } else {
        "Linux computer"
    }
}

/// One call, one commit. What it would send goes out when the node runs: it is in the sets that are reconciled.
fn call<T, F>(engine: &mut Engine, order: F) -> Result<T, Failure>
where
    T: Send + 'static,
    F: FnOnce(&mut Cx<'_>) -> Result<T, CommandError> + Send + 'static,
{
    let told: Arc<Mutex<Option<Result<T, CommandError>>>> = Arc::default();
    let tell = Arc::clone(&told);
    let call = Box::new(move |cx: &mut Cx<'_>| {
        let result = order(cx);
        let keep = result.is_ok();
        *tell.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        Answer { keep, finish: Box::new(|_| {}) }
    });
    engine.step(vec![Input::Call(call)], clock::now(), &random()?, &mut |_, _, _| {})?;
    let result = told.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok(result.ok_or_else(|| Failure::failed("the engine did not answer"))??)
}

#[cfg(test)]
mod tests {
    use hutong_node::account::view;
    use hutong_protocol::AccountKey;

    use super::*;
    use crate::failure::Exit;

    fn founding(name: &str, restored: bool) -> Founding {
        Founding { name: name.to_owned(), phrase: Phrase::from_entropy(&[7; 16]).unwrap(), restored }
    }

    #[test]
    fn the_account_is_the_one_of_the_phrase_and_there_is_only_one() {
        let dir = tempfile::tempdir().unwrap();
        let account = found(dir.path(), &founding("Mei", true)).unwrap();
        let key: AccountKey = Phrase::from_entropy(&[7; 16]).unwrap().account_key();
        assert_eq!(account, key.id());
        let again = found(dir.path(), &founding("Mei", true)).unwrap_err();
        assert_eq!(again.exit, Exit::Failed);
        let store = SledStore::open(&dir.path().join(STORE_DIR), SledOptions::default()).unwrap();
        assert_eq!(view::profile(&store, &account).unwrap().unwrap().name, "Mei");
        assert!(view::phrase_confirmed(&store).unwrap());
    }

    #[test]
    fn a_fresh_phrase_is_still_to_be_confirmed() {
        let dir = tempfile::tempdir().unwrap();
        found(dir.path(), &founding("Mei", false)).unwrap();
        let store = SledStore::open(&dir.path().join(STORE_DIR), SledOptions::default()).unwrap();
        assert!(!view::phrase_confirmed(&store).unwrap());
    }

    #[test]
    fn a_directory_in_use_is_said_to_be() {
        let dir = tempfile::tempdir().unwrap();
        let _holder = SledStore::open(&dir.path().join(STORE_DIR), SledOptions::default()).unwrap();
        assert_eq!(found(dir.path(), &founding("Mei", false)).unwrap_err().exit, Exit::InUse);
    }

    #[test]
    fn a_wrong_phrase_is_bad_input_that_says_which_word() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("phrase");
        std::fs::write(&path, "legal winner thank year wave sausage worth useful legal winner thank yelow").unwrap();
        let failure = parse_phrase(&path).unwrap_err();
        assert_eq!(failure.exit, Exit::BadInput);
        assert!(failure.to_string().contains("word 12"), "{failure}");
    }
}
