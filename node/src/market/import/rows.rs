//! From a file's text to numbered rows.
//!
//! A row's number is the one a spreadsheet shows: the header is 1, empty lines count, a field of several lines is one
//! row.

use super::report::Issue;

/// Largest file in bytes: 100,000 rows of 600 bytes. The whole of it is held in memory while it is read.
pub(super) const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Most rows below the header.
pub(super) const ROWS_MAX: usize = 100_000;

/// How the text is cut into rows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Comma, semicolon or tab: whatever the header row uses most.
    pub(super) delimiter: u8,
    /// The numbers of the rows that are not empty lines.
    pub(super) numbers: Vec<usize>,
}

/// Looks over the text once: where rows begin, what separates fields, and whether every quotation mark is closed. (A
/// mark left open would make one field of the whole rest, which helps nobody find it.)
pub(super) fn layout(text: &str) -> Result<Layout, Issue> {
    let delimiter = delimiter(text);
    let mut numbers = Vec::new();
    let (mut row, mut opened_in) = (1, 1);
    let (mut quoted, mut field_start, mut blank) = (false, true, true);
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        if quoted {
            if byte == b'"' && bytes.next_if_eq(&b'"').is_none() {
                quoted = false;
            }
            continue;
        }
        match byte {
            b'"' if field_start => (quoted, field_start, blank, opened_in) = (true, false, false, row),
            b'\n' | b'\r' => {
                if byte == b'\r' {
                    bytes.next_if_eq(&b'\n');
                }
                if !blank {
                    numbers.push(row);
                }
                row += 1;
                (field_start, blank) = (true, true);
            }
            _ => (field_start, blank) = (byte == delimiter, false),
        }
    }
    if quoted {
        let message = "a quotation mark that begins in this row is never closed: close it, or double it if it is meant";
        return Err(Issue { row: opened_in, column: None, message: message.to_owned() });
    }
    if !blank {
        numbers.push(row);
    }
    Ok(Layout { delimiter, numbers })
}

/// What separates the fields of the first row.
fn delimiter(text: &str) -> u8 {
    let mut counts = [(b',', 0usize), (b';', 0), (b'\t', 0)];
    let mut quoted = false;
    for byte in text.trim_start().bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            _ if !quoted => {
                if let Some((_, count)) = counts.iter_mut().find(|(delimiter, _)| *delimiter == byte) {
                    *count += 1;
                }
            }
            _ => {}
        }
    }
    // The first of equals is the comma.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(delimiter, _)| *delimiter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_numbered_as_a_spreadsheet_does() {
        let text = "Title,Handle\r\n\r\n\"two\nlines\",a\nb,\"say \"\"hi\"\"\"\n\n";
        assert_eq!(layout(text), Ok(Layout { delimiter: b',', numbers: vec![1, 3, 4] }));
        assert_eq!(layout("a;b\n1;2"), Ok(Layout { delimiter: b';', numbers: vec![1, 2] }));
        assert_eq!(layout("a\tb,c\td"), Ok(Layout { delimiter: b'\t', numbers: vec![1] }));
        assert_eq!(layout(""), Ok(Layout { delimiter: b',', numbers: vec![] }));
    }

    #[test]
    fn a_quotation_mark_left_open_is_found_where_it_opens() {
        assert_eq!(layout("a,b\n1,\"2\n3,4\n").unwrap_err().row, 2);
        assert!(layout("a,b\n1,5\" pipe\n").is_ok(), "a mark inside a field is a character");
    }
}
