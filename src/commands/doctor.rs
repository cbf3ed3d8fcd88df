//! `hutong doctor`: is everything as it should be? A line a check.

use std::path::{Path, PathBuf};

use hutong_node::{
    blob::BlobStore,
    clock,
    doctor::{Finding, Health, examine, repair},
};
use hutong_web::api::maintenance::{Check, CheckHealth};
use serde_json::Value;

use super::{backup::open_store, blocking};
use crate::{cli::DoctorArgs, config::Settings, failure::Failure, output::Output, running};

/// Checks, and repairs if told to.
///
/// # Errors
/// If something is broken and was not repaired, or the directory is in use.
pub(super) async fn run(args: DoctorArgs, settings: Settings, output: Output) -> Result<(), Failure> {
    let mut checks = match running::find(&settings.data_dir).await? {
        Some(_) if args.fix => return Err(Failure::in_use(&settings.data_dir)),
        Some(api) => api.post("maintenance/doctor", &Value::Null).await?,
        None => offline(settings.data_dir.clone(), args.fix, output).await?,
    };
    checks.push(permissions(&settings.data_dir, args.fix));
    tell(&checks, output);
    match checks.iter().filter(|check| check.health == CheckHealth::Bad).count() {
        0 => Ok(()),
        bad => Err(Failure::failed(format!("{bad} of {} checks failed; the lines above say what to do", checks.len()))),
    }
}

fn tell(checks: &[Check], output: Output) {
    output.value(&checks);
    for check in checks {
        let mark = match check.health {
            CheckHealth::Good => "ok  ",
            CheckHealth::Warning => "note",
            CheckHealth::Bad => "BAD ",
        };
        output.say(&format!("{mark}  {:<12} {}", check.check, check.detail));
    }
}

/// Looks at a directory that no node uses.
async fn offline(data_dir: PathBuf, fix: bool, output: Output) -> Result<Vec<Check>, Failure> {
    let progress = output.progress("Checking", 0);
    blocking(move || {
        let store = open_store(&data_dir)?;
        let failed = |error: hutong_node::doctor::DoctorError| Failure::failed(error.to_string());
        let blobs = BlobStore::open(&data_dir.join("blobs"), u64::MAX).map_err(|error| failed(error.into()))?;
        let look =
            || examine(&store, &blobs, &data_dir, clock::now(), &mut |done| progress.set(done, 0)).map_err(failed);
        let (findings, faults) = look()?;
        if !fix || faults.count() == 0 {
            return Ok(findings.into_iter().map(Check::from).collect());
        }
        repair(&store, &blobs, &faults).map_err(failed)?;
        let (mut findings, left) = look()?;
        let mended = faults.count().saturating_sub(left.count());
        findings.push(Finding::new("repair", Health::Good, format!("{mended} faults were repaired")));
        Ok(findings.into_iter().map(Check::from).collect())
    })
    .await
}

/// Nobody but the owner may look at what holds keys.
#[cfg(unix)]
fn permissions(data_dir: &Path, fix: bool) -> Check {
    use std::{fs, os::unix::fs::PermissionsExt as _};
    let token = hutong_web::token_path(data_dir);
    let mut open = Vec::new();
    for (path, mode) in [(data_dir, 0o700), (token.as_path(), 0o600)] {
        let is_open = fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0);
        let mended = is_open && fix && fs::set_permissions(path, fs::Permissions::from_mode(mode)).is_ok();
        if is_open && !mended {
            open.push(path.display().to_string());
        }
    }
    let finding = if open.is_empty() {
        Finding::new("permissions", Health::Good, "only you can read it")
    } else {
        let detail = format!("others on this machine can read {}: use --fix", open.join(" and "));
        Finding::new("permissions", Health::Bad, detail)
    };
    finding.into()
}

/// Other systems have other ways; the user's own profile directory is private there.
#[cfg(not(unix))]
fn permissions(_: &Path, _: bool) -> Check {
    Finding::new("permissions", Health::Good, "as the system's user directories are").into()
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn an_open_directory_is_bad_until_it_is_fixed() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(permissions(dir.path(), false).health, CheckHealth::Bad);
        assert_eq!(permissions(dir.path(), true).health, CheckHealth::Good);
        assert_eq!(permissions(dir.path(), false).health, CheckHealth::Good);
    }
}
