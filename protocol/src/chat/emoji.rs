//! What counts as one emoji. By code points, without a table of a Unicode version: two nodes of different age must agree.

use std::{iter::Peekable, str::Chars};

const JOINER: char = '\u{200d}';
const AS_EMOJI: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';
const TAG_END: char = '\u{e007f}';

/// Whether a text is exactly one emoji: `element (U+200D element)*`, where an element is
///
/// - a digit, `#` or `*`, then U+FE0F if you like, then U+20E3; or
/// - two regional indicators (U+1F1E6–1F1FF); or
/// - a pictograph, then U+FE0F if you like, then a skin tone (U+1F3FB–1F3FF) if you like, then tags (U+E0020–E007E) ended
///   by U+E007F if you like.
///
/// Pictographs are U+00A9, 00AE, 203C, 2049, 2122, 2139, 2194–21AA, 231A–23FF, 24C2, 25AA–25FE, 2600–27BF, 2934–2935,
/// 2B05–2B55, 3030, 303D, 3297, 3299 and 1F000–1FAFF, whether Unicode has given them a picture yet or not.
#[must_use]
pub fn is_emoji(text: &str) -> bool {
    let mut chars = text.chars().peekable();
    loop {
        if !element(&mut chars) {
            return false;
        }
        match chars.next() {
            None => return true,
            Some(JOINER) => {}
            Some(_) => return false,
        }
    }
}

fn element(chars: &mut Peekable<Chars<'_>>) -> bool {
    match chars.next() {
        Some('0'..='9' | '#' | '*') => {
            chars.next_if_eq(&AS_EMOJI);
            chars.next_if_eq(&KEYCAP).is_some()
        }
        Some(first) if is_regional(first) => chars.next_if(|second| is_regional(*second)).is_some(),
        Some(first) if is_pictograph(first) => {
            chars.next_if_eq(&AS_EMOJI);
            chars.next_if(|c| matches!(c, '\u{1f3fb}'..='\u{1f3ff}'));
            let mut tagged = false;
            while chars.next_if(|c| matches!(c, '\u{e0020}'..='\u{e007e}')).is_some() {
                tagged = true;
            }
            !tagged || chars.next_if_eq(&TAG_END).is_some()
        }
        _ => false,
    }
}

const fn is_regional(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

const fn is_pictograph(c: char) -> bool {
    matches!(
        c,
        '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{24c2}' | '\u{3030}' | '\u{303d}'
            | '\u{3297}' | '\u{3299}' | '\u{2194}'..='\u{21aa}' | '\u{231a}'..='\u{23ff}' | '\u{25aa}'..='\u{25fe}'
            | '\u{2600}'..='\u{27bf}' | '\u{2934}'..='\u{2935}' | '\u{2b05}'..='\u{2b55}' | '\u{1f000}'..='\u{1faff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_emoji_and_nothing_else() {
        for yes in ["👍", "❤️", "❤", "😂", "👍🏽", "👨‍👩‍👧‍👦", "👩🏻‍❤️‍💋‍👨🏿", "🇨🇳", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "1️⃣", "#⃣", "🀄", "㊗️", "🏳️‍🌈"]
        {
            assert!(is_emoji(yes), "{yes}");
            assert!(yes.len() <= crate::limits::EMOJI_BYTES_MAX, "{yes}: {}", yes.len());
        }
        for no in [
            "",
            " ",
            "a",
            "1",
            "好",
            "👍👍",
            "👍 ",
            "ok👍",
            "\u{200d}",
            "👍\u{200d}",
            "🇨",
            "\u{fe0f}",
            "<b>",
            "🏴\u{e0067}",
        ] {
            assert!(!is_emoji(no), "{no:?}");
        }
    }
}
