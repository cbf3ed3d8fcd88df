//! Passphrases and recovery phrases from a file, the standard input or a prompt. They are never logged, and wiped.

use std::{
    io::{IsTerminal as _, Read as _},
    path::Path,
};

use age::secrecy::SecretString;

use crate::failure::Failure;

/// A secret is a line; whoever names a film by mistake should not wait for it to be read.
const SECRET_BYTES_MAX: u64 = 4 * 1024;

/// The text of a small secret file; `-` is the standard input.
///
/// # Errors
/// If it cannot be read.
pub(super) fn read_text(path: &Path) -> Result<SecretString, Failure> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(SECRET_BYTES_MAX).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(SECRET_BYTES_MAX).read_to_string(&mut text))
    };
    read.map_err(|error| Failure::bad_input(format!("cannot read {}: {error}", path.display())))?;
    Ok(SecretString::from(text))
}

/// The passphrase of a backup: the first line of the file, or what the user types, twice if it is a `new` one.
///
/// # Errors
/// If it is empty, differs, or nobody can be asked.
pub(super) fn passphrase(file: Option<&Path>, new: bool) -> Result<SecretString, Failure> {
    use age::secrecy::ExposeSecret as _;
    let passphrase = match file {
        Some(path) => {
            let text = read_text(path)?;
            SecretString::from(text.expose_secret().lines().next().unwrap_or_default().to_owned())
        }
        None if !std::io::stdin().is_terminal() => {
            return Err(Failure::usage("no terminal to ask for the passphrase: use --passphrase-file"));
        }
        None => ask("Passphrase: ")?,
    };
    if passphrase.expose_secret().is_empty() {
        return Err(Failure::usage("the passphrase is empty: choose one that nobody guesses"));
    }
    if file.is_none() && new && ask("Once more: ")?.expose_secret() != passphrase.expose_secret() {
        return Err(Failure::usage("the two passphrases differ: try again"));
    }
    Ok(passphrase)
}

fn ask(prompt: &str) -> Result<SecretString, Failure> {
    rpassword::prompt_password(prompt)
        .map(SecretString::from)
        .map_err(|error| Failure::failed(format!("cannot ask for the passphrase: {error}; use --passphrase-file")))
}

#[cfg(test)]
mod tests {
    use age::secrecy::ExposeSecret as _;

    use super::*;
    use crate::failure::Exit;

    #[test]
    fn the_passphrase_is_the_first_line_and_never_empty() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p");
        std::fs::write(&path, "correct horse\nbattery\n").unwrap();
        assert_eq!(passphrase(Some(&path), true).unwrap().expose_secret(), "correct horse");
        std::fs::write(&path, "\n").unwrap();
        assert_eq!(passphrase(Some(&path), true).unwrap_err().exit, Exit::Usage);
        assert_eq!(passphrase(Some(&dir.path().join("none")), false).unwrap_err().exit, Exit::BadInput);
    }
}
