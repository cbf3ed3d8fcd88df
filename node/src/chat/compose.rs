//! What a person typed, made into what is said.

use hutong_protocol::{
    RecordId,
    chat::{Card, Content},
    limits::MESSAGE_TEXT_BYTES_MAX,
    text::clean_text,
};

use crate::engine::CommandError;

/// Cleans what a person typed, and checks it.
///
/// # Errors
/// Refused if there is nothing in it or too much.
pub fn content(text: &str, reply_to: Option<RecordId>, card: Option<Card>) -> Result<Content, CommandError> {
    contents(text, Content { reply_to, card, ..Content::default() })
}

/// The same, with what else there is to say.
///
/// # Errors
/// As [`content`].
pub fn contents(text: &str, more: Content) -> Result<Content, CommandError> {
    let text = clean_text(text);
    if text.is_empty() && more.card.is_none() && more.attachments.is_empty() && more.location.is_none() {
        return Err(CommandError::refused("message_empty", "write something first"));
    }
    if text.len() > MESSAGE_TEXT_BYTES_MAX {
        return Err(CommandError::refused(
            "message_too_long",
            "a message has at most 16 KiB of text: send it in parts",
        ));
    }
    let content = Content { text, ..more };
    content.validate()?;
    Ok(content)
}
