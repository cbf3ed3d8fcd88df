//! Looks for a place in a picture's own notes (EXIF and XMP of JPEG, PNG and WebP), as it comes by. A photo says to a few
//! metres where it was taken; whoever sends one rarely means that.
//!
//! Nothing is kept but one note at a time. What cannot be looked into (compressed, cut short, larger than any real one) is
//! taken to name a place: the browser, which makes a new picture of each, loses nothing by it.

/// Largest note that is looked into; a JPEG's have at most 64 KiB.
const NOTE_BYTES_MAX: u64 = 512 * 1024;
/// The EXIF tag that points to the GPS notes.
const GPS_TAG: u16 = 0x8825;
/// GPS tags of latitude and longitude. Others (a version, a time) name no place.
const PLACE_TAGS: std::ops::RangeInclusive<u16> = 1..=4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Jpeg,
    Png,
    Webp,
}

/// What the next bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The first 12 bytes, which say the format.
    Head,
    /// A JPEG marker: `ff` and a letter.
    Marker,
    /// The length of a JPEG segment of this marker.
    Length(u8),
    /// The head of a chunk.
    Chunk,
    /// A note of this kind.
    Note([u8; 4]),
    /// Image data of a JPEG: until the next marker.
    Scan { after_ff: bool },
    /// Behind the end of a JPEG another may follow.
    Between(u8),
    /// Nothing more to look for.
    Done,
}

/// Looks for a place in a picture.
#[derive(Debug)]
pub(crate) struct PlaceScan {
    format: Option<Format>,
    state: State,
    /// What of the present part came.
    part: Vec<u8>,
    /// How long the present part is.
    wanted: u64,
    /// Bytes to pass over before it.
    skip: u64,
    found: bool,
}

impl PlaceScan {
    pub(crate) fn new() -> Self {
        Self { format: None, state: State::Head, part: Vec::new(), wanted: 12, skip: 0, found: false }
    }

    /// Looks at the next bytes of the file.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && self.state != State::Done {
            let skipped = self.skip.min(bytes.len() as u64);
            self.skip -= skipped;
            bytes = bytes.get(usize::try_from(skipped).unwrap_or(usize::MAX)..).unwrap_or_default();
            match self.state {
                State::Scan { .. } | State::Between(_) => bytes = self.search(bytes),
                _ => {
                    let missing = usize::try_from(self.wanted).unwrap_or(usize::MAX).saturating_sub(self.part.len());
                    let (now, later) = bytes.split_at(missing.min(bytes.len()));
                    self.part.extend_from_slice(now);
                    bytes = later;
                    if self.part.len() as u64 == self.wanted {
                        let part = std::mem::take(&mut self.part);
                        self.handle(&part);
                    }
                }
            }
        }
    }

    /// Whether it names a place, now that all of it came by.
    pub(crate) fn names_a_place(&self) -> bool {
        // Cut in the middle of a note: who knows.
        self.found || matches!(self.state, State::Note(_))
    }

    fn next(&mut self, state: State, wanted: u64) {
        (self.state, self.wanted) = (state, wanted);
    }

    /// Goes on in image data, byte by byte.
    fn search<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        for (at, byte) in bytes.iter().enumerate() {
            let rest = bytes.get(at + 1..).unwrap_or_default();
            match (self.state, *byte) {
                (State::Scan { .. }, 0xff) => self.state = State::Scan { after_ff: true },
                // Escaped, or a restart: still image data.
                (State::Scan { after_ff: true }, 0x00 | 0xd0..=0xd7) => self.state = State::Scan { after_ff: false },
                (State::Scan { after_ff: true }, marker) => {
                    self.marker(marker);
                    if !matches!(self.state, State::Scan { .. }) {
                        return rest;
                    }
                }
                (State::Between(0), 0xff) | (State::Between(1), 0xd8) => {
                    self.state = State::Between(if *byte == 0xff { 1 } else { 2 });
                }
                (State::Between(2), 0xff) => {
                    // The first half of the marker is here.
                    self.part.push(0xff);
                    self.next(State::Marker, 2);
                    return rest;
                }
                (State::Between(_), byte) => self.state = State::Between(u8::from(byte == 0xff)),
                _ => {}
            }
        }
        &[]
    }

    fn marker(&mut self, marker: u8) {
        match marker {
            0xd9 => self.state = State::Between(0),
            0xda => self.state = State::Scan { after_ff: false },
            0x01 | 0xd0..=0xd8 => self.next(State::Marker, 2),
            marker => self.next(State::Length(marker), 2),
        }
    }

    fn handle(&mut self, part: &[u8]) {
        match self.state {
            State::Head => self.head(part),
            State::Marker => match part {
                // Padding: the second may be the first of the marker.
                [0xff, 0xff] => self.part.push(0xff),
                [0xff, marker] => self.marker(*marker),
                _ => self.state = State::Scan { after_ff: false },
            },
            State::Length(marker) => {
                let length = u64::from(be16(part)).saturating_sub(2);
                match marker {
                    0xe1 => self.note(*b"APP1", length),
                    _ => {
                        self.skip = length;
                        self.next(State::Marker, 2);
                    }
                }
            }
            State::Chunk => self.chunk(part),
            State::Note(kind) => {
                self.found |= note_names_a_place(kind, part);
                self.go_on();
            }
            State::Scan { .. } | State::Between(_) | State::Done => {}
        }
    }

    fn head(&mut self, part: &[u8]) {
        let format = match crate::picture::media_type(part) {
            Some("image/jpeg") => Format::Jpeg,
            Some("image/png") => Format::Png,
            Some("image/webp") => Format::Webp,
            _ => return self.state = State::Done,
        };
        self.format = Some(format);
        self.go_on();
        // What came of the first part beyond the head.
        let head = match format {
            Format::Jpeg => 2,
            Format::Png => 8,
            Format::Webp => 12,
        };
        self.feed(part.get(head..).unwrap_or_default());
    }

    /// A note comes; what follows its length, with its check sum or padding, belongs to it.
    fn note(&mut self, kind: [u8; 4], length: u64) {
        if length > NOTE_BYTES_MAX {
            self.found = true;
            self.skip = length;
            return self.go_on();
        }
        match length {
            0 => self.go_on(),
            _ => self.next(State::Note(kind), length),
        }
    }

    fn go_on(&mut self) {
        match self.format {
            Some(Format::Jpeg) => self.next(State::Marker, 2),
            Some(Format::Png | Format::Webp) => self.next(State::Chunk, 8),
            None => self.state = State::Done,
        }
    }

    fn chunk(&mut self, part: &[u8]) {
        let (first, second) = part.split_at(4.min(part.len()));
        let four = |bytes: &[u8]| <[u8; 4]>::try_from(bytes).unwrap_or_default();
        let (kind, length) = match self.format {
            // Behind it is a check sum.
            Some(Format::Png) => (four(second), u64::from(u32::from_be_bytes(four(first))) + 4),
            // An odd one is padded.
            _ => (four(first), u64::from(u32::from_le_bytes(four(second))).next_multiple_of(2)),
        };
        match &kind {
            b"IEND" => self.state = State::Done,
            b"eXIf" | b"tEXt" | b"zTXt" | b"iTXt" | b"EXIF" | b"XMP " => self.note(kind, length),
            _ => {
                self.skip = length;
                self.next(State::Chunk, 8);
            }
        }
    }
}

fn be16(bytes: &[u8]) -> u16 {
    bytes.try_into().map(u16::from_be_bytes).unwrap_or_default()
}

fn note_names_a_place(kind: [u8; 4], note: &[u8]) -> bool {
    match &kind {
        b"APP1" => match note.strip_prefix(b"Exif\0\0") {
            Some(exif) => exif_names_a_place(exif),
            None => xmp_names_a_place(note),
        },
        b"eXIf" | b"EXIF" => exif_names_a_place(note.strip_prefix(b"Exif\0\0").unwrap_or(note)),
        // EXIF as some programs pack it into text; compressed text might be XMP.
        b"tEXt" => note.starts_with(b"Raw profile type") || xmp_names_a_place(note),
        b"zTXt" => note.starts_with(b"Raw profile type") || note.starts_with(b"XML:com.adobe.xmp"),
        b"iTXt" => match note.strip_prefix(b"XML:com.adobe.xmp\0") {
            Some([compressed, ..]) if *compressed != 0 => true,
            _ => xmp_names_a_place(note),
        },
        _ => xmp_names_a_place(note),
    }
}

fn xmp_names_a_place(note: &[u8]) -> bool {
    [&b"GPSLatitude"[..], b"GPSLongitude"].iter().any(|word| note.windows(word.len()).any(|window| window == *word))
}

/// Reads TIFF just far enough. What ends too early may name one.
fn exif_names_a_place(tiff: &[u8]) -> bool {
    let big = match tiff.get(..4) {
        Some(b"MM\0*") => true,
        Some(b"II*\0") => false,
        _ => return !tiff.is_empty(),
    };
    let number = |at: usize, length: usize| {
        let bytes = tiff.get(at..at.checked_add(length)?)?;
        let add = |sum: u32, byte: &u8| (sum << 8) | u32::from(*byte);
        Some(if big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) })
    };
    let entries = |at: usize| -> Option<Vec<(u16, usize)>> {
        let count = usize::try_from(number(at, 2)?).ok()?;
        let entry = |index: usize| {
            let at = at.checked_add(2)?.checked_add(index.checked_mul(12)?)?;
            let value = usize::try_from(number(at.checked_add(8)?, 4)?).ok()?;
            Some((u16::try_from(number(at, 2)?).ok()?, value))
        };
        (0..count).map(entry).collect()
    };
    let gps = |first: usize| {
        let Some((_, at)) = entries(first)?.into_iter().find(|(tag, _)| *tag == GPS_TAG) else { return Some(false) };
        Some(entries(at)?.iter().any(|(tag, _)| PLACE_TAGS.contains(tag)))
    };
    number(4, 4).and_then(|first| gps(usize::try_from(first).ok()?)).unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// EXIF with a GPS directory that has these tags; without any, no directory.
    fn exif(big: bool, tags: &[u16]) -> Vec<u8> {
        let short = |value: u16| if big { value.to_be_bytes() } else { value.to_le_bytes() };
        let long = |value: u32| if big { value.to_be_bytes() } else { value.to_le_bytes() };
        let entry = |tag: u16, value: u32| [&short(tag)[..], &short(4), &long(1), &long(value)].concat();
        let head = [if big { &b"MM\0*"[..] } else { b"II*\0" }, &long(8)].concat();
        let mut first = vec![entry(0x0112, 1)];
        if !tags.is_empty() {
            first.push(entry(GPS_TAG, 8 + 2 + 24 + 4));
        }
        let directory = |entries: Vec<Vec<u8>>| {
            let count = u16::try_from(entries.len()).unwrap();
            [short(count).to_vec(), entries.concat(), long(0).to_vec()].concat()
        };
        let gps = if tags.is_empty() { Vec::new() } else { directory(tags.iter().map(|tag| entry(*tag, 0)).collect()) };
        [head, directory(first), gps].concat()
    }

    fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
        [&[0xff, marker][..], &length, body].concat()
    }

    fn jpeg(notes: &[Vec<u8>]) -> Vec<u8> {
        let data = [&[0xff, 0xda, 0, 2][..], &[1, 0xff, 0, 2, 0xff, 0xd3, 3], &[0xff, 0xd9]].concat();
        let frame = segment(0xc0, &[8, 0, 1, 0, 1, 1, 1, 0x11, 0]);
        [&[0xff, 0xd8][..], &segment(0xe0, b"JFIF\0"), &notes.concat(), &frame, &data].concat()
    }

    fn png(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let chunk = |kind: &[u8; 4], body: &[u8]| {
            [&u32::try_from(body.len()).unwrap().to_be_bytes()[..], kind, body, &[0; 4]].concat()
        };
        [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &[0; 13]), chunk(b"IDAT", &[7; 999]), chunk(kind, body)]
            .into_iter()
            .chain([chunk(b"IEND", &[])])
            .flatten()
            .collect()
    }

    fn webp(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let chunk = |kind: &[u8; 4], body: &[u8]| {
            let padding = vec![0; body.len() % 2];
            [kind, &u32::try_from(body.len()).unwrap().to_le_bytes()[..], body, &padding].concat()
        };
        [b"RIFF\0\0\0\0WEBP".to_vec(), chunk(b"VP8X", &[0; 10]), chunk(b"VP8 ", &[7; 777]), chunk(kind, body)].concat()
    }

    fn scan(file: &[u8]) -> bool {
        let mut whole = PlaceScan::new();
        whole.feed(file);
        // However it is cut on its way, the answer is the same.
        for piece in [1, 3, 64] {
            let mut scan = PlaceScan::new();
            file.chunks(piece).for_each(|piece| scan.feed(piece));
            assert_eq!(scan.names_a_place(), whole.names_a_place(), "in pieces of {piece}");
        }
        whole.names_a_place()
    }

    fn app1(exif: &[u8]) -> Vec<u8> {
        segment(0xe1, &[b"Exif\0\0", exif].concat())
    }

    #[test]
    fn a_place_is_found_wherever_a_format_keeps_it() {
        let xmp = br#"<x:xmpmeta><rdf:Description exif:GPSLatitude="39,54.2N"/></x:xmpmeta>"#;
        for big in [true, false] {
            let place = exif(big, &[0, 1, 2, 3, 4]);
            assert!(scan(&jpeg(&[app1(&place)])) && scan(&png(b"eXIf", &place)) && scan(&webp(b"EXIF", &place)));
        }
        let packet = [b"http://ns.adobe.com/xap/1.0/\0", &xmp[..]].concat();
        assert!(scan(&jpeg(&[app1(&exif(true, &[])), segment(0xe1, &packet)])));
        assert!(scan(&png(b"iTXt", &[b"XML:com.adobe.xmp\0\0\0\0\0", &xmp[..]].concat())));
        assert!(scan(&webp(b"XMP ", xmp)));
        // A second picture behind the first, as phones write them.
        assert!(scan(&[jpeg(&[]), jpeg(&[app1(&exif(false, &[2, 4]))])].concat()));
        assert!(scan(&[jpeg(&[]), vec![0xff; 7], jpeg(&[app1(&exif(false, &[2, 4]))])].concat()));
    }

    #[test]
    fn notes_without_a_place_are_no_matter() {
        for tags in [&[][..], &[0], &[0, 7, 29]] {
            let notes = exif(true, tags);
            assert!(!scan(&jpeg(&[app1(&notes)])) && !scan(&png(b"eXIf", &notes)) && !scan(&webp(b"EXIF", &notes)));
        }
        assert!(!scan(&png(b"tEXt", b"Software\0hutong")) && !scan(&jpeg(&[])));
        assert!(!scan(b"GIF89a and GPSLatitude besides") && !scan(b"") && !scan(b"GPSLatitude in a text file"));
    }

    #[test]
    fn what_cannot_be_looked_into_is_taken_to_name_one() {
        let place = exif(true, &[2, 4]);
        assert!(scan(&jpeg(&[app1(&place[..place.len() - 30])])), "cut inside the GPS notes");
        assert!(scan(&png(b"zTXt", b"Raw profile type exif\0\0xxxx")));
        assert!(scan(&png(b"iTXt", b"XML:com.adobe.xmp\0\x01\0\0\0xxxx")), "compressed");
        let whole = png(b"eXIf", &vec![0; usize::try_from(NOTE_BYTES_MAX).unwrap()]);
        assert!(scan(&whole), "too large");
        let file = jpeg(&[app1(&place)]);
        assert!(scan(&file[..40]), "the file ends inside the note");
    }

    #[test]
    fn garbage_never_panics() {
        let mut state = 1u32;
        for head in [&b"\xff\xd8\xff\xe1"[..], b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP"] {
            for length in 0..300 {
                let mut bytes = head.to_vec();
                for _ in 0..length {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    bytes.push((state >> 24) as u8);
                }
                scan(&bytes);
            }
        }
    }
}
