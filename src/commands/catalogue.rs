//! `hutong import` and `hutong export`: the own store's catalogue as CSV.

use std::path::{Path, PathBuf};

use futures::StreamExt as _;
use hutong_web::api::import::ImportReport;
use reqwest::multipart::{Form, Part};
use serde_json::Value;

use super::backend::Backend;
use crate::{
    api::Api,
    cli::{ExportArgs, ImportArgs},
    config::Settings,
    failure::{Exit, Failure},
    output::{Output, Progress},
};

/// Problems shown one by one; more do not help anybody.
const ISSUES_SHOWN: usize = 20;
/// Pictures taken along, by what their names end in.
const PICTURE_TYPES: [(&str, &str); 6] = [
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("png", "image/png"),
    ("webp", "image/webp"),
    ("gif", "image/gif"),
    ("avif", "image/avif"),
];
/// How deep pictures may lie below the given directory.
const PICTURE_DEPTH_MAX: usize = 8;

/// Imports a CSV file.
///
/// # Errors
/// If a row cannot be used (then nothing was imported), or the node says no.
pub(super) async fn import(args: ImportArgs, settings: Settings, output: Output) -> Result<(), Failure> {
    let csv = std::fs::read(&args.file)
        .map_err(|error| Failure::bad_input(format!("cannot read {}: {error}", args.file.display())))?;
    let name = args.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut form = Form::new().part("csv", Part::bytes(csv).file_name(name));
    if let Some(directory) = &args.pictures {
        for (name, path, media_type) in pictures(directory)? {
            let bytes = std::fs::read(&path)
                .map_err(|error| Failure::bad_input(format!("cannot read {}: {error}", path.display())))?;
            let part = Part::bytes(bytes).file_name(name).mime_str(media_type);
            form = form.part("pictures", part.map_err(|error| Failure::failed(error.to_string()))?);
        }
    }
    let backend = Backend::open(&settings).await?;
    let path = format!("store/import?dry_run={}", args.dry_run);
    let progress = output.progress("Importing", 0);
    let report = tokio::select! {
        report = backend.api().post_form::<ImportReport>(&path, form) => report.map_err(Failure::from),
        () = follow_progress(backend.api(), &progress) => Err(Failure::failed("the node's events ended")),
    };
    drop(progress);
    backend.close().await;
    tell(&report?, output)
}

/// Shows the node's progress; never ends by itself.
async fn follow_progress(api: &Api, progress: &Progress) {
    if let Ok(mut events) = api.events().await {
        while let Some(Ok(message)) = events.next().await {
            let event: Value =
                message.to_text().ok().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
            if event["type"] == "import_progress" {
                progress.set(event["done"].as_u64().unwrap_or_default(), event["total"].as_u64().unwrap_or_default());
            }
        }
    }
    // Without events there is no bar; the import goes on.
    std::future::pending().await
}

/// Every picture below a directory, with its path in it as the name.
fn pictures(directory: &Path) -> Result<Vec<(String, PathBuf, &'static str)>, Failure> {
    let unreadable =
        |path: &Path, error: std::io::Error| Failure::bad_input(format!("cannot read {}: {error}", path.display()));
    let mut found = Vec::new();
    let mut open = vec![(directory.to_owned(), String::new(), 0)];
    while let Some((current, prefix, depth)) = open.pop() {
        for entry in std::fs::read_dir(&current).map_err(|error| unreadable(&current, error))? {
            let entry = entry.map_err(|error| unreadable(&current, error))?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            // Symbolic links are left out: they may lead anywhere.
            let kind = entry.file_type().map_err(|error| unreadable(&entry.path(), error))?;
            if kind.is_dir() && depth < PICTURE_DEPTH_MAX {
                open.push((entry.path(), format!("{name}/"), depth + 1));
            } else if let Some(media_type) = media_type(&entry.path()).filter(|_| kind.is_file()) {
                found.push((name, entry.path(), media_type));
            }
        }
    }
    found.sort();
    Ok(found)
}

fn media_type(path: &Path) -> Option<&'static str> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    PICTURE_TYPES.iter().find(|(known, _)| *known == extension).map(|(_, media_type)| *media_type)
}

/// Says what became of the import. Rows that cannot be used are a failure: nothing was imported.
fn tell(report: &ImportReport, output: Output) -> Result<(), Failure> {
    output.value(report);
    for (word, issues) in [("error", &report.errors), ("warning", &report.warnings)] {
        for issue in issues.iter().take(ISSUES_SHOWN) {
            let column = issue.column.as_deref().map(|column| format!(", {column}")).unwrap_or_default();
            output.say(&format!("{word}: row {}{column}: {}", issue.row, issue.message));
        }
        if issues.len() > ISSUES_SHOWN {
            output.say(&format!("… and {} more (all with --json)", issues.len() - ISSUES_SHOWN));
        }
    }
    let would = if report.dry_run { "would be " } else { "" };
    output.say(&format!(
        "{} products, {} variants: {} {would}created, {} {would}updated, {} unchanged; {} pictures.",
        report.products, report.variants, report.created, report.updated, report.unchanged, report.pictures
    ));
    match report.errors.len() {
        0 => Ok(()),
        count => {
            let nothing = if report.applied { "" } else { "; nothing was imported" };
            Err(Failure::new(Exit::BadInput, format!("{count} rows cannot be used{nothing}: mend them and try again")))
        }
    }
}

/// Writes the catalogue.
///
/// # Errors
/// If there is no store, or the file cannot be written.
pub(super) async fn export(args: ExportArgs, settings: Settings, output: Output) -> Result<(), Failure> {
    let backend = Backend::open(&settings).await?;
    let csv = backend.api().get_bytes("store/export").await;
    backend.close().await;
    let csv = csv?;
    match args.output {
        Some(path) => {
            std::fs::write(&path, &csv).map_err(Failure::io("write", &path))?;
            output.say(&format!("{}: {} bytes.", path.display(), csv.len()));
            output.value(&serde_json::json!({ "file": path, "bytes": csv.len() }));
            Ok(())
        }
        None => output.raw(&csv),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_found_by_their_path_below_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("fruit/red")).unwrap();
        for name in ["b.PNG", "notes.txt", "fruit/a.jpg", "fruit/red/c.webp"] {
            std::fs::write(dir.path().join(name), "x").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc/hostname", dir.path().join("leak.png")).unwrap();
        let names: Vec<_> = pictures(dir.path()).unwrap().into_iter().map(|(name, _, kind)| (name, kind)).collect();
        let expected = [("b.PNG", "image/png"), ("fruit/a.jpg", "image/jpeg"), ("fruit/red/c.webp", "image/webp")];
        assert_eq!(names, expected.map(|(name, kind)| (name.to_owned(), kind)));
        assert_eq!(pictures(&dir.path().join("none")).unwrap_err().exit, Exit::BadInput);
    }
}
