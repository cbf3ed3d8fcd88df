//! What a command prints: sentences for people, or one JSON value a line with `--json`. Logs are something else.

use std::{
    io::{IsTerminal as _, Write as _},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::json;

use crate::failure::Failure;

/// Where a command's results go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// A line for people; nothing with `--json`.
    pub(crate) fn say(self, line: &str) {
        if !self.json {
            print_line(line);
        }
    }

    /// The same fact for machines; nothing without `--json`.
    pub(crate) fn value(self, value: &impl Serialize) {
        if self.json {
            match serde_json::to_string(value) {
                Ok(line) => print_line(&line),
                Err(error) => tracing::error!(%error, "a result could not be written as JSON"),
            }
        }
    }

    /// Bytes that are the result itself (CSV, the API document), whatever the mode.
    pub(crate) fn raw(self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = std::io::stdout().lock();
        stdout
            .write_all(bytes)
            .and_then(|()| stdout.flush())
            .map_err(|error| Failure::failed(format!("cannot write to the standard output: {error}")))
    }

    /// The one line that says why the command failed.
    pub(crate) fn failure(self, failure: &Failure) {
        let line = if self.json {
            json!({ "error": failure.to_string(), "exit_code": failure.exit as u8 }).to_string()
        } else {
            format!("hutong: {failure}")
        };
        // Nobody is left to be told if stderr is closed.
        writeln!(std::io::stderr().lock(), "{line}").ok();
    }

    /// A progress bar on stderr, if a person is watching. `total` 0: not known.
    pub(crate) fn progress(self, what: &'static str, total: u64) -> Progress {
        if self.json || !std::io::stderr().is_terminal() {
            return Progress(ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden()));
        }
        let (bar, template) = match total {
            0 => (ProgressBar::new_spinner(), "{msg} {spinner} {human_pos}"),
            _ => (ProgressBar::new(total), "{msg} [{bar:32}] {human_pos}/{human_len} {eta}"),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(200));
        Progress(bar)
    }
}

/// A line on stdout. If nobody reads it any more (`| head`), that is theirs to decide.
fn print_line(line: &str) {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush()).ok();
}

/// A progress bar that disappears when it is dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn set(&self, done: u64, total: u64) {
        if total > 0 && self.0.length() != Some(total) {
            self.0.set_length(total);
        }
        self.0.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
