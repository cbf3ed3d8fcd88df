//! What a picture's first bytes say: which format, and how many pixels. Only the five formats that browsers show safely;
//! SVG is not among them, for it may hold script. A look at a header, never a decoder: nothing here allocates.

/// Bytes of a file that are enough to tell its format.
pub const SNIFF_BYTES: usize = 16;
/// AVIF keeps its size in a list of boxes near the beginning.
const AVIF_HEAD_BYTES: usize = 64 * 1024;

/// What the first 16 bytes of a file say it is; `None`: not a picture that may be shown.
#[must_use]
pub fn media_type(head: &[u8]) -> Option<&'static str> {
    let brand = |brands: &[&[u8; 4]]| {
        head.get(4..8) == Some(b"ftyp") && brands.iter().any(|brand| head.get(8..12) == Some(brand.as_slice()))
    };
    match head {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ if brand(&[b"avif", b"avis"]) => Some("image/avif"),
        _ => None,
    }
}

/// Width and height in pixels, as the header claims; `None` if it is no picture, damaged, or cut before its size.
#[must_use]
pub fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    match media_type(bytes)? {
        "image/png" => png(bytes),
        "image/jpeg" => jpeg(bytes),
        "image/gif" => gif(bytes),
        "image/webp" => webp(bytes),
        _ => avif(bytes),
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn be16(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u16::from_be_bytes).map(u32::from)
}

fn le16(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u16::from_le_bytes).map(u32::from)
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_be_bytes)
}

/// The header chunk comes first, always.
fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    (bytes.get(12..16)? == b"IHDR").then_some(())?;
    Some((be32(bytes, 16)?, be32(bytes, 20)?))
}

fn gif(bytes: &[u8]) -> Option<(u32, u32)> {
    Some((le16(bytes, 6)?, le16(bytes, 8)?))
}

/// Segments follow each other until one that begins a frame.
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2usize;
    loop {
        (*bytes.get(at)? == 0xff).then_some(())?;
        let marker = *bytes.get(at.checked_add(1)?)?;
        at = match marker {
            0xff => at.checked_add(1)?, // padding
            0x01 | 0xd0..=0xd7 => at.checked_add(2)?,
            // Start of frame: all of C0..CF but the tables C4, C8, CC.
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                return Some((be16(bytes, at.checked_add(7)?)?, be16(bytes, at.checked_add(5)?)?));
            }
            // Image data or the end before any frame.
            0xd9 | 0xda => return None,
            _ => {
                let length = usize::try_from(be16(bytes, at.checked_add(2)?)?).ok()?;
                at.checked_add(2)?.checked_add(length)?
            }
        };
    }
}

fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    match bytes.get(12..16)? {
        b"VP8 " => {
            (bytes.get(23..26)? == [0x9d, 0x01, 0x2a]).then_some(())?;
            Some((le16(bytes, 26)? & 0x3fff, le16(bytes, 28)? & 0x3fff))
        }
        b"VP8L" => {
            (*bytes.get(20)? == 0x2f).then_some(())?;
            let bits = array(bytes, 21).map(u32::from_le_bytes)?;
            Some(((bits & 0x3fff).checked_add(1)?, ((bits >> 14) & 0x3fff).checked_add(1)?))
        }
        b"VP8X" => {
            let side = |at: usize| {
                let [low, middle, high] = array(bytes, at)?;
                u32::from_le_bytes([low, middle, high, 0]).checked_add(1)
            };
            Some((side(24)?, side(27)?))
        }
        _ => None,
    }
}

/// The largest `ispe` (image spatial extents) property: a grid's tiles have smaller ones.
fn avif(bytes: &[u8]) -> Option<(u32, u32)> {
    let head = bytes.get(..bytes.len().min(AVIF_HEAD_BYTES))?;
    let sizes = head.windows(16).filter(|window| window.starts_with(b"ispe"));
    sizes.filter_map(|window| be32(window, 8).zip(be32(window, 12))).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn riff(kind: &[u8; 4], rest: &[u8]) -> Vec<u8> {
        [b"RIFF\0\0\0\0WEBP", kind.as_slice(), &[0; 4], rest].concat()
    }

    fn png_of(width: u32, height: u32) -> Vec<u8> {
        [b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".as_slice(), &width.to_be_bytes(), &height.to_be_bytes()].concat()
    }

    #[test]
    fn the_five_formats_are_told_by_their_bytes() {
        let jpeg = [0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xff, 0xc2, 0, 11, 8, 0x02, 0x58, 0x03, 0x20].to_vec();
        let lossy = riff(b"VP8 ", &[0, 0, 0, 0x9d, 0x01, 0x2a, 0x20, 0x03, 0x58, 0x02]);
        let lossless = riff(b"VP8L", &[0x2f, 0x1f, 0xc3, 0x95, 0x00]);
        let extended = riff(b"VP8X", &[0, 0, 0, 0, 0x1f, 0x03, 0, 0x57, 0x02, 0]);
        let tile = [b"ispe\0\0\0\0".as_slice(), &[0, 0, 0, 8, 0, 0, 0, 8]].concat();
        let grid = [b"ispe\0\0\0\0".as_slice(), &[0, 0, 3, 0x20, 0, 0, 2, 0x58]].concat();
        let avif = [b"\0\0\0\x1cftypavif\0\0\0\0".as_slice(), &tile, &grid].concat();
        for (bytes, kind) in [
            (png_of(800, 600), "image/png"),
            (jpeg, "image/jpeg"),
            (b"GIF89a\x20\x03\x58\x02".to_vec(), "image/gif"),
            (lossy, "image/webp"),
            (lossless, "image/webp"),
            (extended, "image/webp"),
            (avif, "image/avif"),
        ] {
            assert_eq!((media_type(&bytes), size(&bytes)), (Some(kind), Some((800, 600))), "{kind}");
            // Cut before its size it has none; cut anywhere, never a panic and never a larger one.
            let cut = |length: usize| size(bytes.get(..length).unwrap_or_default());
            assert!((0..10).all(|length| cut(length).is_none()), "{kind}");
            assert!((10..bytes.len()).all(|length| cut(length).is_none_or(|(width, _)| width <= 800)), "{kind}");
        }
        assert_eq!(size(&png_of(60_000, 60_000)), Some((60_000, 60_000)), "what it claims, however much");
    }

    #[test]
    fn anything_else_is_none_whatever_it_is_called() {
        for bytes in [
            b"".as_slice(),
            b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
            b"<!doctype html><script>alert(1)</script>",
            b"%PDF-1.7",
            b"BM\0\0\0\0",
            b"II*\0",
            b"\0\0\0\x18ftypmp42",
            b"RIFF\0\0\0\0WAVE",
        ] {
            assert_eq!((media_type(bytes), size(bytes)), (None, None));
        }
    }

    #[test]
    fn garbage_never_panics() {
        let mut state = 1u32;
        for head in
            [&b"\x89PNG\r\n\x1a\n"[..], b"\xff\xd8\xff", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8X", b"\0\0\0\0ftypavif"]
        {
            for length in 0..200 {
                let mut bytes = head.to_vec();
                for _ in 0..length {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    bytes.push(u8::try_from(state >> 24).unwrap());
                }
                assert!(size(&bytes).is_some() || size(&bytes).is_none());
            }
        }
    }
}
