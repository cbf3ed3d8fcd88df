//! The command as a person or a script meets it: what it prints, and how it ends.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use hutong_node::store::{Batch, Key, STORE_PREFIX, SledOptions, SledStore, Store as _, migrate};
use serde_json::Value;

/// Runs the command on a data directory.
fn hutong(data_dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hutong"));
    command.args(args).arg("--data-dir").arg(data_dir);
    for name in ["HUTONG_DATA_DIR", "HUTONG_LISTEN", "HUTONG_WEB", "RUST_LOG"] {
        command.env_remove(name);
    }
    command.output().unwrap()
}

/// A node that runs until it is told to stop.
struct Running {
    child: Child,
    ready: Value,
}

impl Running {
    fn start(data_dir: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hutong"));
        command.args(["run", "--json", "--no-mdns", "--exit-with-parent", "--web", "127.0.0.1:0"]);
        command.args(["--listen", "/ip4/127.0.0.1/tcp/0"]).arg("--data-dir").arg(data_dir);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, ready: serde_json::from_str(&line).unwrap() }
    }

    /// As if the program that started it ended.
    fn stop(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only if a test failed before it was stopped.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What a failure says: always exactly one line.
fn failure(output: &Output) -> (i32, String) {
    let said = text(&output.stderr);
    assert_eq!(said.trim_end().lines().count(), 1, "one line, not: {said}");
    (output.status.code().unwrap(), said)
}

fn succeed(data_dir: &Path, args: &[&str]) -> String {
    let output = hutong(data_dir, args);
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn secret(dir: &Path, name: &str, words: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, words).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn wrong_usage_ends_with_2() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(hutong(dir.path(), &["fly"]).status.code(), Some(2));
    assert_eq!(hutong(dir.path(), &["init"]).status.code(), Some(2));
    let help = succeed(dir.path(), &["--help"]);
    assert!(help.contains("Exit codes:") && help.contains("HUTONG_DATA_DIR"), "{help}");
}

#[test]
fn a_mistake_in_the_configuration_ends_with_2_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("config.toml"), "webb = \"127.0.0.1:1\"\n").unwrap();
    let (code, said) = failure(&hutong(dir.path(), &["openapi"]));
    assert_eq!(code, 2);
    assert!(said.contains("webb") && said.contains("config.toml"), "{said}");
}

#[test]
fn the_api_document_is_printed_as_it_is_committed() {
    let dir = tempfile::tempdir().unwrap();
    let printed: Value = serde_json::from_str(&succeed(dir.path(), &["openapi"])).unwrap();
    assert_eq!(printed["info"]["title"], "Hutong");
}

#[test]
fn init_prints_the_phrase_once_and_it_brings_the_same_account_back() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    let made: Value = serde_json::from_str(&succeed(&first, &["init", "--name", "Mei", "--json"])).unwrap();
    let phrase = made["phrase"].as_str().unwrap();
    assert_eq!(phrase.split(' ').count(), 12);

    let (code, said) = failure(&hutong(&first, &["init", "--name", "Mei", "--json"]));
    assert_eq!(code, 1);
    assert!(!said.contains(phrase));
    let error: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(error["exit_code"], 1);

    let file = secret(dir.path(), "phrase", &format!("{phrase}\n"));
    let restored = succeed(&second, &["init", "--name", "Mei", "--phrase-file", &file, "--json"]);
    let restored: Value = serde_json::from_str(&restored).unwrap();
    assert_eq!((&restored["account"], &restored["phrase"]), (&made["account"], &Value::Null));

    let wrong = secret(dir.path(), "wrong", "one two three");
    let (code, said) = failure(&hutong(&dir.path().join("third"), &["init", "--name", "Mei", "--phrase-file", &wrong]));
    assert_eq!(code, 5);
    assert!(said.contains("12 words"), "{said}");
}

#[test]
fn a_data_directory_in_use_ends_with_3() {
    let dir = tempfile::tempdir().unwrap();
    let _holder = SledStore::open(&dir.path().join("store"), SledOptions::default()).unwrap();
    let file = secret(dir.path(), "p", "secret");
    let backup = dir.path().join("b");
    let backup = ["backup", backup.to_str().unwrap(), "--passphrase-file", &file];
    for args in [&["init", "--name", "Mei"][..], &["run"], &["doctor"], &["reindex"], &backup] {
        let (code, said) = failure(&hutong(dir.path(), args));
        assert_eq!(code, 3, "{args:?}: {said}");
        assert!(said.contains("another process"), "{said}");
    }
}

#[test]
fn a_data_directory_of_a_newer_program_ends_with_4() {
    let dir = tempfile::tempdir().unwrap();
    let store = SledStore::open(&dir.path().join("store"), SledOptions::default()).unwrap();
    migrate(&store).unwrap();
    let mut batch = Batch::new();
    batch.put(Key::new(STORE_PREFIX).str("schema"), 99u32.to_be_bytes().to_vec());
    store.commit(batch).unwrap();
    drop(store);
    for args in [&["init", "--name", "Mei"][..], &["run"], &["doctor"]] {
        let (code, said) = failure(&hutong(dir.path(), args));
        assert_eq!(code, 4, "{args:?}: {said}");
        assert!(said.contains("newer"), "{said}");
    }
}

#[test]
fn open_without_a_node_ends_with_7() {
    let dir = tempfile::tempdir().unwrap();
    let (code, said) = failure(&hutong(dir.path(), &["open"]));
    assert_eq!(code, 7);
    assert!(said.contains("hutong run"), "{said}");
}

#[test]
fn the_web_ui_is_never_offered_to_other_machines() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["run", "--web", "0.0.0.0:0", "--listen", "/ip4/127.0.0.1/tcp/0", "--no-mdns"];
    let output = hutong(dir.path(), &args);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("127.0.0.1"));
}

#[test]
fn a_backup_comes_back_whole_with_the_right_passphrase_only() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let (right, wrong) = (secret(dir.path(), "right", "correct horse\n"), secret(dir.path(), "wrong", "battery\n"));
    let file = at("mei.backup");
    let file = file.to_str().unwrap();
    succeed(&at("mei"), &["init", "--name", "Mei"]);
    succeed(&at("mei"), &["backup", file, "--passphrase-file", &right]);
    let (code, _) = failure(&hutong(&at("mei"), &["backup", file, "--passphrase-file", &right]));
    assert_eq!(code, 5, "a backup is never overwritten");

    let (code, said) = failure(&hutong(&at("other"), &["restore", file, "--passphrase-file", &wrong]));
    assert_eq!(code, 6, "{said}");
    assert!(said.contains("wrong passphrase"), "{said}");

    let bytes = std::fs::read(file).unwrap();
    let cut = secret(dir.path(), "cut", "");
    std::fs::write(&cut, &bytes[..bytes.len() - 40]).unwrap();
    let (code, said) = failure(&hutong(&at("other"), &["restore", &cut, "--passphrase-file", &right]));
    assert_eq!(code, 5, "{said}");
    let (code, _) = failure(&hutong(&at("other"), &["doctor"]));
    assert_eq!(code, 1, "nothing was left there");

    let back: Value =
        serde_json::from_str(&succeed(&at("other"), &["restore", file, "--passphrase-file", &right, "--json"]))
            .unwrap();
    assert!(back["rows"].as_u64().unwrap() > 5);
    let checks: Value = serde_json::from_str(&succeed(&at("other"), &["doctor", "--json"])).unwrap();
    assert!(checks.as_array().unwrap().iter().all(|check| check["health"] != "bad"), "{checks}");

    let (code, said) = failure(&hutong(&at("other"), &["restore", file, "--passphrase-file", &right]));
    assert_eq!(code, 1);
    assert!(said.contains("not empty"), "{said}");
}

#[test]
fn commands_find_the_node_that_runs_and_know_when_it_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let data = at("mei");
    succeed(&data, &["init", "--name", "Mei"]);
    let node = Running::start(&data);
    assert_eq!(node.ready["event"], "ready");

    let link: Value = serde_json::from_str(&succeed(&data, &["open", "--json"])).unwrap();
    let (first, second) = (node.ready["url"].as_str().unwrap(), link["url"].as_str().unwrap());
    assert_ne!(first, second, "every link works once");
    assert!(second.starts_with("http://node.localhost:") && second.contains("/#token="), "{second}");

    succeed(&data, &["doctor"]);
    succeed(&data, &["reindex"]);
    let (code, said) = failure(&hutong(&data, &["doctor", "--fix"]));
    assert_eq!(code, 3, "nothing is repaired under a running node: {said}");
    assert_eq!(failure(&hutong(&data, &["run", "--web", "127.0.0.1:0"])).0, 3);

    let (file, words) = (at("b"), secret(dir.path(), "p", "secret"));
    let file = file.to_str().unwrap();
    succeed(&data, &["backup", file, "--passphrase-file", &words]);
    node.stop();
    assert_eq!(failure(&hutong(&data, &["open"])).0, 7);

    succeed(&at("again"), &["restore", file, "--passphrase-file", &words]);
    succeed(&at("again"), &["doctor"]);
    let again = Running::start(&at("again"));
    let before = ready_device(&data);
    assert_ne!(again.ready["device"], Value::from(before), "another device, which takes the old one's place");
    again.stop();
}

#[test]
fn the_benchmarks_run_and_give_each_figure_with_its_unit() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["bench", "ingest", "latency", "--records", "300", "--messages", "10", "--json"];
    let lines = succeed(dir.path(), &args);
    let figures: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(figures.len(), 8, "{lines}");
    for figure in &figures {
        assert!(figure["value"].as_f64().unwrap() > 0.0, "{figure}");
        assert!(figure["unit"].is_string() && figure["what"].is_string(), "{figure}");
    }
    assert_eq!(figures.iter().filter(|figure| figure["goal"].is_number()).count(), 3, "{lines}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "the user's own directory is not touched");
}

fn ready_device(data_dir: &Path) -> String {
    let node = Running::start(data_dir);
    let device = node.ready["device"].as_str().unwrap().to_owned();
    node.stop();
    device
}
