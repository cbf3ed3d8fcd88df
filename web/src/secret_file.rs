//! Small secret files that only their owner may read.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write as _},
    path::Path,
};

use crate::{server::WebError, session::Secret};

/// The secret in `path`; made, with mode 0600, if there is none.
///
/// # Errors
/// [`WebError::File`] if it cannot be read or made; [`WebError::Token`] if it holds something else.
pub(crate) fn read_or_create(path: &Path) -> Result<Secret, WebError> {
    let failed = |source| WebError::File { path: path.to_owned(), source };
    match std::fs::read_to_string(path) {
        Ok(text) => Secret::parse(text.trim()).ok_or_else(|| WebError::Token { path: path.to_owned() }),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mut bytes = [0; 16];
            getrandom::fill(&mut bytes).map_err(WebError::Random)?;
            let secret = Secret::new(bytes);
            replace(path, format!("{}\n", secret.to_text()).as_bytes()).map_err(failed)?;
            Ok(secret)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Puts `bytes` into `path`, all or nothing, readable by its owner only.
///
/// # Errors
/// Those of the file system.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = path.with_file_name(name);
    // Left behind by a crash: its mode is not to be trusted.
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_made_once_and_only_its_owner_may_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("api-token");
        let first = read_or_create(&path).unwrap();
        assert!(read_or_create(&path).unwrap().matches(&first));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        std::fs::write(&path, "something else").unwrap();
        assert!(matches!(read_or_create(&path), Err(WebError::Token { .. })));
    }
}
