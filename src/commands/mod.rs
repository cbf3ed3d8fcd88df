//! One file per command.

mod archive;
mod backend;
mod backup;
mod bench;
mod catalogue;
mod doctor;
mod init;
mod open;
mod reindex;
mod restore;
mod run;
mod secret;

pub(crate) use self::run::stop_signal;
use crate::{cli::Command, config::Settings, demo, failure::Failure, output::Output};

/// Does what was asked.
///
/// # Errors
/// Why not, with the exit code.
pub(crate) async fn run(command: Command, settings: Settings, output: Output) -> Result<(), Failure> {
    match command {
        Command::Run(args) => run::run(args, settings, output).await,
        Command::Demo(args) => demo::run(args, settings, output).await,
        Command::Init(args) => init::run(args, settings, output).await,
        Command::Import(args) => catalogue::import(args, settings, output).await,
        Command::Export(args) => catalogue::export(args, settings, output).await,
        Command::Backup(args) => backup::run(args, settings, output).await,
        Command::Restore(args) => restore::run(args, settings, output).await,
        Command::Doctor(args) => doctor::run(args, settings, output).await,
        Command::Reindex => reindex::run(settings, output).await,
        Command::Bench(args) => bench::run(args, settings, output).await,
        Command::Openapi => openapi(output),
        Command::Open(args) => open::run(args, settings, output).await,
    }
}

/// Prints the API's document.
fn openapi(output: Output) -> Result<(), Failure> {
    let json = hutong_web::api::openapi_json().map_err(|error| Failure::failed(error.to_string()))?;
    output.raw(json.as_bytes())
}

/// Runs something that waits for the disk, off the async threads.
///
/// # Errors
/// Those of `work`.
async fn blocking<T, F>(work: F) -> Result<T, Failure>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, Failure> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Failure::failed(format!("the command broke off: {error}"))),
    }
}
