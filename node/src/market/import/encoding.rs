//! Which encoding a file is in: spreadsheets save what their country's Windows thinks right.

use encoding_rs::{Encoding, GB18030, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Part of the pairs of bytes that must be common Chinese characters for a file to count as GB18030. In Western text
/// the few high bytes stand alone beside ASCII letters, which as Chinese would be rare characters.
const COMMON_PERCENT_MIN: usize = 60;

/// Why a file is not text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum EncodingError {
    /// A spreadsheet or another container.
    #[error("this is a workbook or an archive, not a CSV file: save it as \"CSV UTF-8\" and try again")]
    Workbook,
    /// Announced as one encoding, but with bytes that it does not have.
    #[error("the file says it is {0} but is damaged: save it as \"CSV UTF-8\" and try again")]
    Damaged(&'static str),
    /// Nothing that is recognised.
    #[error("the file is neither UTF-8, UTF-16, GB18030 nor Windows-1252 text: save it as \"CSV UTF-8\" and try again")]
    Unknown,
}

/// The file as text, and the name of its encoding.
///
/// # Errors
/// [`EncodingError`] if it is no text, or text that cannot be read without losing characters.
pub(super) fn decode(bytes: &[u8]) -> Result<(String, &'static str), EncodingError> {
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        return Err(EncodingError::Workbook);
    }
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let rest = bytes.get(mark..).unwrap_or_default();
        // Half a UTF-16 unit at the end is a cut file, which the decoder reports as well.
        let text = strict(encoding, rest).ok_or(EncodingError::Damaged(encoding.name()))?;
        return Ok((text, encoding.name()));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return if text.contains('\0') { Err(EncodingError::Unknown) } else { Ok((text.to_owned(), "UTF-8")) };
    }
    if bytes.contains(&0) {
        // UTF-16 without its mark: in a header of ASCII letters every other byte is zero.
        let odd = bytes.iter().skip(1).step_by(2).take(32).filter(|byte| **byte == 0).count();
        let encoding = if odd > 16 { UTF_16LE } else { UTF_16BE };
        return strict(encoding, bytes).map(|text| (text, encoding.name())).ok_or(EncodingError::Unknown);
    }
    if looks_chinese(bytes)
        && let Some(text) = strict(GB18030, bytes)
    {
        return Ok((text, GB18030.name()));
    }
    let undefined = |byte: &u8| matches!(byte, 0x81 | 0x8d | 0x8f | 0x90 | 0x9d | 0x01..=0x08 | 0x0e..=0x1f | 0x7f);
    if bytes.iter().any(undefined) {
        return Err(EncodingError::Unknown);
    }
    strict(WINDOWS_1252, bytes).map(|text| (text, WINDOWS_1252.name())).ok_or(EncodingError::Unknown)
}

fn strict(encoding: &'static Encoding, bytes: &[u8]) -> Option<String> {
    encoding.decode_without_bom_handling_and_without_replacement(bytes).map(std::borrow::Cow::into_owned)
}

/// Whether most high bytes come in pairs that are common characters or punctuation of GB 2312.
fn looks_chinese(bytes: &[u8]) -> bool {
    let (mut common, mut all) = (0usize, 0usize);
    let mut rest = bytes.iter().copied().peekable();
    while let Some(lead) = rest.next() {
        if lead < 0x80 {
            continue;
        }
        all += 1;
        let trail = rest.peek().copied().unwrap_or(0);
        if matches!(lead, 0xa1..=0xa9 | 0xb0..=0xf7) && trail >= 0xa1 {
            common += 1;
            rest.next();
        } else if trail >= 0x40 {
            rest.next();
        }
    }
    all > 0 && common * 100 >= all * COMMON_PERCENT_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHINESE: &str = "Title,Price\n有机草莓 500克,39.90\n新鲜蓝莓，盒装,25\n";
    const WESTERN: &str = "Title,Price\nCrème brûlée torch,39.90\nCafé “Zürich” – décor,5\nPrix: 5 €,1\n";

    fn utf16(text: &str, to_bytes: impl Fn(u16) -> [u8; 2], mark: bool) -> Vec<u8> {
        mark.then_some(0xfeff).into_iter().chain(text.encode_utf16()).flat_map(to_bytes).collect()
    }

    #[test]
    fn what_spreadsheets_save_is_read() {
        let marked = [b"\xef\xbb\xbf".as_slice(), CHINESE.as_bytes()].concat();
        let gb = GB18030.encode(CHINESE).0.into_owned();
        let western = WINDOWS_1252.encode(WESTERN).0.into_owned();
        for (bytes, text, name) in [
            (CHINESE.as_bytes().to_vec(), CHINESE, "UTF-8"),
            (marked, CHINESE, "UTF-8"),
            (utf16(CHINESE, u16::to_le_bytes, true), CHINESE, "UTF-16LE"),
            (utf16(CHINESE, u16::to_be_bytes, true), CHINESE, "UTF-16BE"),
            (utf16(CHINESE, u16::to_le_bytes, false), CHINESE, "UTF-16LE"),
            (gb, CHINESE, "gb18030"),
            (western, WESTERN, "windows-1252"),
            (Vec::new(), "", "UTF-8"),
        ] {
            assert_eq!(decode(&bytes), Ok((text.to_owned(), name)));
        }
    }

    #[test]
    fn what_is_no_text_is_refused_with_advice() {
        for (bytes, want) in [
            (b"PK\x03\x04rest".as_slice(), EncodingError::Workbook),
            (b"\xd0\xcf\x11\xe0rest", EncodingError::Workbook),
            (b"\xef\xbb\xbfTitle,\xff\xfe", EncodingError::Damaged("UTF-8")),
            (b"\xff\xfeT\0i", EncodingError::Damaged("UTF-16LE")),
            (b"Title\n\x81\x8d\x01\xff", EncodingError::Unknown),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\xff\xd8", EncodingError::Unknown),
            (b"Title\0", EncodingError::Unknown),
        ] {
            let result = decode(bytes);
            // An odd UTF-16 length may also be reported as unknown, never read.
            assert!(result.is_err(), "{bytes:?}");
            if bytes.len() % 2 == 0 || want != EncodingError::Damaged("UTF-16LE") {
                assert_eq!(result, Err(want), "{bytes:?}");
            }
        }
    }

    proptest::proptest! {
        /// No file makes it panic.
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(0u8.., 0..200)) {
            drop(decode(&bytes));
        }
    }
}
