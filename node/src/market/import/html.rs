//! A shop's HTML as the plain text that a listing holds.
//!
//! The result is only ever shown as text, so nothing here has to be "sanitised": tags go, what they mean for lines
//! stays, and what is not text (scripts, styles) goes with its content.

/// Elements whose content is not text.
const DROPPED: [&str; 9] = ["script", "style", "template", "iframe", "noscript", "head", "svg", "object", "textarea"];
/// Elements that begin and end a line.
const BLOCKS: [&str; 22] = [
    "p",
    "div",
    "ul",
    "ol",
    "li",
    "table",
    "tr",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "section",
    "article",
    "header",
    "footer",
    "blockquote",
    "pre",
    "dl",
    "dt",
    "dd",
];
/// Blocks that stand apart by an empty line.
const APART: [&str; 10] = ["p", "ul", "ol", "table", "h1", "h2", "h3", "h4", "blockquote", "pre"];
/// Longest entity that is looked for, "&" and ";" included.
const ENTITY_BYTES_MAX: usize = 12;

/// Named character references that shops use; the others stay as they are written.
const ENTITIES: [(&str, &str); 40] = [
    ("amp", "&"),
    ("lt", "<"),
    ("gt", ">"),
    ("quot", "\""),
    ("apos", "'"),
    ("nbsp", " "),
    ("copy", "©"),
    ("reg", "®"),
    ("trade", "™"),
    ("deg", "°"),
    ("plusmn", "±"),
    ("times", "×"),
    ("divide", "÷"),
    ("frac12", "½"),
    ("frac14", "¼"),
    ("frac34", "¾"),
    ("sup2", "²"),
    ("sup3", "³"),
    ("micro", "µ"),
    ("middot", "·"),
    ("bull", "•"),
    ("hellip", "…"),
    ("ndash", "–"),
    ("mdash", "—"),
    ("lsquo", "‘"),
    ("rsquo", "’"),
    ("ldquo", "“"),
    ("rdquo", "”"),
    ("laquo", "«"),
    ("raquo", "»"),
    ("euro", "€"),
    ("pound", "£"),
    ("yen", "¥"),
    ("cent", "¢"),
    ("sect", "§"),
    ("eacute", "é"),
    ("egrave", "è"),
    ("agrave", "à"),
    ("ccedil", "ç"),
    ("uuml", "ü"),
];

/// What one tag is.
struct Tag {
    name: String,
    closing: bool,
}

/// Reads the tag, comment or declaration at the start of `text` (which begins with "<"); how long it is, and what it is
/// if it is an element. `None` if this "<" is just a character.
fn tag(text: &str) -> Option<(usize, Option<Tag>)> {
    if text.starts_with("<!--") {
        return Some((text.find("-->").map_or(text.len(), |end| end + 3), None));
    }
    if text.starts_with("<!") || text.starts_with("<?") {
        return Some((text.find('>').map_or(text.len(), |end| end + 1), None));
    }
    let closing = text.starts_with("</");
    let begin = if closing { 2 } else { 1 };
    let rest = text.get(begin..)?;
    if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let name: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    // The tag ends at ">" outside quoted attributes.
    let mut quote = None;
    for (index, c) in rest.char_indices() {
        match (quote, c) {
            (None, '>') => return Some((begin + index + 1, Some(Tag { name, closing }))),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    None
}

/// Where the content of a dropped element ends: after its closing tag, or at the end of the text.
fn skip(text: &str, name: &str) -> usize {
    let lower = text.to_ascii_lowercase();
    let close = format!("</{name}");
    lower
        .find(&close)
        .map_or(text.len(), |at| lower.get(at..).and_then(|rest| rest.find('>')).map_or(text.len(), |end| at + end + 1))
}

/// Reads the character reference at the start of `text` (which begins with "&"): its length and meaning.
fn entity(text: &str) -> Option<(usize, String)> {
    let end = text.bytes().take(ENTITY_BYTES_MAX).position(|byte| byte == b';')?;
    let name = text.get(1..end)?;
    let meaning = if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        char::from_u32(code)?.to_string()
    } else {
        ENTITIES.iter().find(|(known, _)| *known == name)?.1.to_owned()
    };
    Some((end + 1, meaning))
}

/// Text being put together: white space collapses, line breaks wait for the next character.
#[derive(Default)]
struct Lines {
    text: String,
    breaks: usize,
    space: bool,
}

impl Lines {
    fn push(&mut self, c: char) {
        if self.breaks > 0 && !self.text.is_empty() {
            self.text.extend(std::iter::repeat_n('\n', self.breaks));
        } else if self.space && !self.text.is_empty() && self.breaks == 0 {
            self.text.push(' ');
        }
        (self.breaks, self.space) = (0, false);
        self.text.push(c);
    }
}

/// The plain text of `html`. Text without any tag keeps its own line breaks.
#[must_use]
pub(super) fn to_text(html: &str) -> String {
    let is_html = html.match_indices('<').any(|(at, _)| html.get(at..).and_then(tag).is_some());
    let mut lines = Lines::default();
    let mut at = 0;
    while let Some(rest) = html.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with('<')
            && let Some((length, tag)) = tag(rest)
        {
            at += length;
            if let Some(tag) = tag {
                if !tag.closing && DROPPED.contains(&tag.name.as_str()) {
                    at += skip(html.get(at..).unwrap_or_default(), &tag.name);
                }
                element(&mut lines, &tag);
            }
            continue;
        }
        if rest.starts_with('&')
            && let Some((length, meaning)) = entity(rest)
        {
            at += length;
            meaning.chars().for_each(|c| lines.push(c));
            continue;
        }
        let Some(c) = rest.chars().next() else { break };
        at += c.len_utf8();
        match c {
            '\n' if !is_html => lines.breaks += 1,
            c if c.is_whitespace() && c != '\u{a0}' && c != '\u{3000}' => lines.space = true,
            c => lines.push(c),
        }
    }
    hutong_protocol::text::clean_text(&lines.text)
}

fn element(lines: &mut Lines, tag: &Tag) {
    let name = tag.name.as_str();
    if name == "br" {
        lines.breaks += 1;
    } else if APART.contains(&name) {
        lines.breaks = lines.breaks.max(2);
    } else if BLOCKS.contains(&name) {
        lines.breaks = lines.breaks.max(1);
    } else if matches!(name, "td" | "th") {
        lines.space = true;
    }
    if name == "li" && !tag.closing {
        lines.push('•');
        lines.space = true;
    }
}

/// The inverse of [`to_text`]: HTML whose plain text is exactly `text`.
#[must_use]
pub(super) fn from_text(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    let mut before = '\n';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let beside_space = before.is_whitespace() || chars.peek().is_none_or(|after| after.is_whitespace());
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            // A line break as every other program knows it.
            '\n' => html.push_str("<br>"),
            ' ' if !beside_space => html.push(' '),
            // White space that would collapse.
            c if c.is_whitespace() => html.push_str(&format!("&#{};", u32::from(c))),
            c => html.push(c),
        }
        before = c;
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_become_lines() {
        for (html, text) in [
            ("<p>Classic clay pot</p>", "Classic clay pot"),
            ("<p>One</p>\n<p>Two<br>Three</p>", "One\n\nTwo\nThree"),
            ("Fits:<ul><li>small</li><li>large</li></ul>", "Fits:\n\n• small\n• large"),
            ("<div>a</div><div>b</div>", "a\nb"),
            ("5 &lt; 6 &amp; 7&nbsp;kg &#8211; &#x8349;莓 &unknown;", "5 < 6 & 7\u{20}kg – 草莓 &unknown;"),
            ("two\nlines", "two\nlines"), // no tag: its own lines count
            ("<b>two\nlines</b>", "two lines"),
            ("a <3 b, 5 < 6", "a <3 b, 5 < 6"),
            ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
            ("", ""),
        ] {
            assert_eq!(to_text(html), text, "{html}");
        }
    }

    #[test]
    fn scripts_and_styles_go_with_their_content() {
        for html in [
            "Pot<script>alert('</p>')</script>",
            "Pot<SCRIPT src='x'>steal()</SCRIPT >",
            "Pot<style>p{}</style>",
            "Pot<!-- <b>hidden</b> -->",
            "Pot<script>never closed",
            "Pot<img src=x onerror=\"alert('>')\">",
            "<iframe><p>x</p></iframe>Pot",
        ] {
            assert_eq!(to_text(html), "Pot", "{html}");
        }
        // Escaped markup is text that a person wrote about markup; it is shown as text.
        assert_eq!(to_text("&lt;script&gt;"), "<script>");
    }

    proptest::proptest! {
        /// A text exported as HTML comes back as it was.
        #[test]
        fn text_round_trips(text in "[ -~\\n草莓é]{0,80}") {
            let text = hutong_protocol::text::clean_text(&text);
            proptest::prop_assert_eq!(to_text(&from_text(&text)), text);
        }

        /// No markup, however broken, makes it panic or lets a complete script element through.
        #[test]
        fn any_markup_is_read(html in "(<|>|/|script|p|&|;|#|x|\"|'|!|-| |\\n|草){0,60}") {
            drop(to_text(&html));
        }
    }
}
