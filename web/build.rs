//! Builds the web UI as part of `cargo build`, into `OUT_DIR` and nowhere else.
//!
//! Needs Node.js with npm. A machine without them gets one warning and a page that says what to install; the API works
//! all the same. `HUTONG_UI_DIR` names a UI that was built before (for packagers, and for editors that only check).

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What the build depends on, below `web/ui`.
const SOURCES: [&str; 8] = [
    "src",
    "public",
    "index.html",
    "package.json",
    "package-lock.json",
    "svelte.config.js",
    "tsconfig.json",
    "vite.config.ts",
];
/// The oldest Node.js that the build tools take.
const NODE_MIN: (u32, u32) = (20, 19);

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?).join("ui");
    let ui = manifest.join("ui");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=HUTONG_UI_DIR");
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", ui.join(source).display());
    }
    match fs::remove_dir_all(&out) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => fs::create_dir_all(&out)?,
    }
    if let Some(prebuilt) = env::var_os("HUTONG_UI_DIR") {
        println!("cargo::rerun-if-changed={}", Path::new(&prebuilt).display());
        return Ok(copy(Path::new(&prebuilt), &out)?);
    }
    if let Err(reason) = node_is_there() {
        println!("cargo::warning={reason} The web UI is left out of this build; the API works.");
        // Never there, so cargo asks again next time: installing Node.js is enough.
        println!("cargo::rerun-if-changed={}", manifest.join("node-is-not-installed").display());
        return Ok(fs::write(out.join("index.html"), placeholder(&reason))?);
    }
    install(&ui)?;
    let out = out.to_str().ok_or("the build directory's path is not UTF-8")?;
    run(&ui, &["run", "--silent", "build", "--", "--outDir", out, "--emptyOutDir", "--logLevel", "warn"])
}

/// Whether Node.js is there and new enough, with npm; else what to do, in a sentence.
fn node_is_there() -> Result<(), String> {
    let (major, minor) = NODE_MIN;
    let install = format!("Install Node.js {major}.{minor} or later with npm (https://nodejs.org) and build again.");
    let version = output("node", "--version").ok_or_else(|| format!("Node.js was not found. {install}"))?;
    let mut parts = version.trim().trim_start_matches('v').split('.').map(|part| part.parse().unwrap_or(0));
    let found: (u32, u32) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if found < NODE_MIN {
        return Err(format!("Node.js {} is too old. {install}", version.trim()));
    }
    output(npm(), "--version").map(|_| ()).ok_or_else(|| format!("npm was not found. {install}"))
}

fn output(program: &str, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Windows finds no `npm` without its extension.
fn npm() -> &'static str {
    if cfg!(windows) { "npm.cmd" } else { "npm" }
}

/// Installs what the lock file names, only when it changed since.
fn install(ui: &Path) -> Result<(), Failure> {
    let modified = |path: &str| fs::metadata(ui.join(path)).and_then(|meta| meta.modified()).ok();
    let both = modified("package-lock.json").zip(modified("node_modules/.package-lock.json"));
    if both.is_some_and(|(locked, installed)| installed >= locked) {
        return Ok(());
    }
    run(ui, &["ci", "--no-audit", "--no-fund", "--loglevel", "error"])
}

fn run(ui: &Path, arguments: &[&str]) -> Result<(), Failure> {
    // Cargo shows what a build script printed only when it fails, which is when it is wanted.
    let status = Command::new(npm()).args(arguments).current_dir(ui).stdin(Stdio::null()).status()?;
    if status.success() {
        return Ok(());
    }
    Err(format!("`npm {}` in {} failed ({status}); its output is above", arguments.join(" "), ui.display()).into())
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?
        } else {
            fs::copy(entry.path(), target).map(drop)?
        }
    }
    Ok(())
}

fn placeholder(reason: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Hutong</title>\n\
         <h1>This build has no web UI</h1>\n<p>{reason}</p>\n\
         <p>The node and its API work: see <a href=\"/api/openapi.json\">/api/openapi.json</a>.</p>\n</html>\n"
    )
}
