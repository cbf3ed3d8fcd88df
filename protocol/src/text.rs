//! Rules for text that people see.

use crate::record::RecordError;

/// A single-line text (a name, a title): trimmed, not empty, at most `max` UTF-8 bytes, no control characters and none
/// of the bidirectional overrides that make one name look like another.
///
/// # Errors
/// [`RecordError::Field`] with the reason.
pub fn check_line(text: &str, max: usize) -> Result<(), RecordError> {
    if text.is_empty() || text.trim() != text {
        return Err(RecordError::Field("a name is empty or has spaces at its ends"));
    }
    if text.len() > max {
        return Err(RecordError::Field("a name is too long"));
    }
    if text.chars().any(|c| c.is_control() || is_bidi_override(c)) {
        return Err(RecordError::Field("a name has a control character"));
    }
    Ok(())
}

/// A text of several lines: at most `max` UTF-8 bytes, no control characters but newline and tab.
///
/// # Errors
/// [`RecordError::Field`] with the reason.
pub fn check_text(text: &str, max: usize) -> Result<(), RecordError> {
    if text.len() > max {
        return Err(RecordError::Field("a text is too long"));
    }
    if text.chars().any(|c| (c.is_control() && c != '\n' && c != '\t') || is_bidi_override(c)) {
        return Err(RecordError::Field("a text has a control character"));
    }
    Ok(())
}

const fn is_bidi_override(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Makes a line out of what somebody typed: trimmed, control characters dropped, cut at `max` bytes on a character.
#[must_use]
pub fn clean_line(text: &str, max: usize) -> String {
    let mut line: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !c.is_control() && !is_bidi_override(*c))
        .collect();
    truncate(&mut line, max);
    line.trim().to_owned()
}

/// Makes a text out of what somebody typed: control characters but newline and tab dropped. Not cut: too long is an
/// error the person should see.
#[must_use]
pub fn clean_text(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let kept: String =
        text.chars().filter(|c| (!c.is_control() || matches!(*c, '\n' | '\t')) && !is_bidi_override(*c)).collect();
    kept.trim().to_owned()
}

/// Cuts `text` to at most `max` bytes, between characters.
pub fn truncate(text: &mut String, max: usize) {
    if text.len() > max {
        let cut = (0..=max).rev().find(|index| text.is_char_boundary(*index)).unwrap_or(0);
        text.truncate(cut);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_single_clean_lines() {
        assert!(check_line("王小美", 128).is_ok());
        for wrong in ["", " Mei", "Mei\n", "a\u{202e}b", "a\u{0}b", &"x".repeat(129)] {
            assert!(check_line(wrong, 128).is_err(), "{wrong:?}");
            assert!(wrong.is_empty() || check_line(&clean_line(wrong, 128), 128).is_ok(), "{wrong:?}");
        }
        assert_eq!(clean_line("草莓草莓", 7), "草莓");
        assert_eq!(clean_text(" a\r\nb\u{7} "), "a\nb");
    }
}
