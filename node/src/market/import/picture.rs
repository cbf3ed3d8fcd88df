//! Where a product's picture comes from.

use hutong_protocol::BlobHash;

/// Scheme under which an export names the pictures this node has.
const BLOB_SCHEME: &str = "hutong:blob/";
/// Longest address or path in bytes.
const SOURCE_BYTES_MAX: usize = 2048;

/// Where a picture comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Picture {
    /// To be fetched, `http` or `https`.
    Url(String),
    /// A file in the folder that came with the catalogue: a relative path with `/`, which cannot leave the folder.
    File(String),
    /// One that the store has already.
    Blob(BlobHash),
}

impl Picture {
    /// Reads what a catalogue says. A path that would leave its folder is refused, on any system's rules.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > SOURCE_BYTES_MAX {
            return Err("the picture's address is too long".to_owned());
        }
        if let Some(hash) = text.strip_prefix(BLOB_SCHEME) {
            return hash.parse().map(Self::Blob).map_err(|_| "this picture's hash is damaged".to_owned());
        }
        let lower = text.to_ascii_lowercase();
        if lower.starts_with("http://") || lower.starts_with("https://") {
            return Ok(Self::Url(text.to_owned()));
        }
        let path = text.replace('\\', "/");
        let drive = path.as_bytes().get(1) == Some(&b':');
        if drive || path.contains("://") || lower.starts_with("data:") {
            return Err(
                "a picture is named by an http(s) address or by its file name in the pictures' folder".to_owned()
            );
        }
        let escapes = path.starts_with('/') || path.split('/').any(|part| part == "..");
        if escapes || path.chars().any(char::is_control) {
            return Err(format!("the path \"{}\" leaves the pictures' folder", text.escape_debug()));
        }
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        if parts.is_empty() { Err("the picture has no file name".to_owned()) } else { Ok(Self::File(parts.join("/"))) }
    }
}

impl std::fmt::Display for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Url(text) | Self::File(text) => f.write_str(text),
            Self::Blob(hash) => write!(f, "{BLOB_SCHEME}{hash}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_in_their_folder() {
        for escaping in [
            "../secret.jpg",
            "a/../../b.jpg",
            "/etc/passwd",
            "\\\\server\\share.jpg",
            "..\\secret.jpg",
            "C:\\a.jpg",
            "c:a.jpg",
            "file:///etc/passwd",
            "data:image/png;base64,AAAA",
            "ftp://x/y.jpg",
            "a\u{0}.jpg",
            "..",
            ".",
            "./",
        ] {
            assert!(Picture::parse(escaping).is_err(), "{escaping:?}");
        }
        for (text, path) in [
            ("pot.jpg", "pot.jpg"),
            ("./a//b.jpg", "a/b.jpg"),
            ("a\\b.jpg", "a/b.jpg"),
            ("图/莓.webp", "图/莓.webp"),
            ("a..b.jpg", "a..b.jpg"),
        ] {
            assert_eq!(Picture::parse(text), Ok(Picture::File(path.to_owned())));
        }
        assert_eq!(Picture::parse("HTTPS://x/y.jpg"), Ok(Picture::Url("HTTPS://x/y.jpg".to_owned())));
        let blob = Picture::Blob(BlobHash([3; 32]));
        assert_eq!(Picture::parse(&blob.to_string()), Ok(blob));
    }
}
