//! What an upload's first bytes say it is. Only pictures that browsers show safely, of a size that one can show.
//!
//! The declared type is not believed: what is served later is what the bytes are, with `nosniff`, so an upload can never
//! come back as a page. SVG is not among them: it may hold script.

/// Longest side in pixels: above it canvases and decoders of phones give up.
pub(crate) const SIDE_MAX: u32 = 16_384;
/// Most pixels (a 64-megapixel camera's picture; 256 MiB decoded). A small file that unpacks to more is a bomb.
pub(crate) const PIXELS_MAX: u64 = 64 * 1024 * 1024;
/// AVIF keeps its size in a list of boxes near the beginning.
const AVIF_HEAD_BYTES: usize = 64 * 1024;
/// Bytes of a file that are enough to tell what it is.
pub(crate) const SNIFF_BYTES: usize = 16;

/// A picture, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    /// What to serve it as.
    pub(crate) media_type: &'static str,
    /// Width in pixels.
    pub(crate) width: u32,
    /// Height in pixels.
    pub(crate) height: u32,
}

/// Why an upload is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PictureError {
    /// None of the five formats.
    #[error("this is no PNG, JPEG, WebP, GIF or AVIF picture: choose another file")]
    Unknown,
    /// It begins like one, but does not go on like one.
    #[error("this picture is damaged: choose another file")]
    Damaged,
    /// No pixels, or too many.
    #[error("a picture has at most {SIDE_MAX} pixels on a side and 64 megapixels: make it smaller")]
    Size,
}

/// What the first 16 bytes of a file say it is; `None`: not a picture that may be shown.
pub(crate) fn media_type(head: &[u8]) -> Option<&'static str> {
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

/// Looks at an upload.
///
/// # Errors
/// [`PictureError`] says what to do.
pub(crate) fn look(bytes: &[u8]) -> Result<Picture, PictureError> {
    let media_type = media_type(bytes).ok_or(PictureError::Unknown)?;
    let size = match media_type {
        "image/png" => png(bytes),
        "image/jpeg" => jpeg(bytes),
        "image/gif" => gif(bytes),
        "image/webp" => webp(bytes),
        _ => avif(bytes),
    };
    let (width, height) = size.ok_or(PictureError::Damaged)?;
    let sides = 1..=SIDE_MAX;
    if !sides.contains(&width) || !sides.contains(&height) || u64::from(width) * u64::from(height) > PIXELS_MAX {
        return Err(PictureError::Size);
    }
    Ok(Picture { media_type, width, height })
}

fn be16(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(u16::from_be_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?)))
}

fn le16(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?)))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
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
    let mut at = 2;
    loop {
        (*bytes.get(at)? == 0xff).then_some(())?;
        let marker = *bytes.get(at + 1)?;
        match marker {
            0xff => at += 1, // padding
            0x01 | 0xd0..=0xd7 => at += 2,
            // Start of frame: all of C0..CF but the tables C4, C8, CC.
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                return Some((be16(bytes, at + 7)?, be16(bytes, at + 5)?));
            }
            // Image data or the end before any frame.
            0xd9 | 0xda => return None,
            _ => at = at.checked_add(2)?.checked_add(usize::try_from(be16(bytes, at + 2)?).ok()?)?,
        }
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
            let bits = u32::from_le_bytes(bytes.get(21..25)?.try_into().ok()?);
            Some(((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1))
        }
        b"VP8X" => {
            let side = |at: usize| Some(le16(bytes, at)? + (u32::from(*bytes.get(at + 2)?) << 16) + 1);
            Some((side(24)?, side(27)?))
        }
        _ => None,
    }
}

/// The largest `ispe` (image spatial extents) property: a grid's tiles have smaller ones.
fn avif(bytes: &[u8]) -> Option<(u32, u32)> {
    let head = bytes.get(..bytes.len().min(AVIF_HEAD_BYTES))?;
    let mut largest = None;
    for at in 0..head.len().saturating_sub(15) {
        if head.get(at..at + 4)? == b"ispe" {
            largest = largest.max(be32(head, at + 8).zip(be32(head, at + 12)));
        }
    }
    largest
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The head of a PNG of this size: all that is ever looked at.
    pub(crate) fn png_of(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
        bytes
    }

    fn jpeg_of(width: u16, height: u16) -> Vec<u8> {
        let mut bytes = vec![0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xff, 0xc2, 0, 11, 8];
        bytes.extend(height.to_be_bytes());
        bytes.extend(width.to_be_bytes());
        bytes
    }

    fn riff(kind: &[u8; 4], rest: &[u8]) -> Vec<u8> {
        [b"RIFF\0\0\0\0WEBP", kind.as_slice(), &[0; 4], rest].concat()
    }

    #[test]
    fn the_five_formats_are_told_by_their_bytes() {
        let lossy = riff(b"VP8 ", &[0, 0, 0, 0x9d, 0x01, 0x2a, 0x20, 0x03, 0x58, 0x02]);
        let lossless = riff(b"VP8L", &[0x2f, 0x1f, 0xc3, 0x95, 0x00]);
        let extended = riff(b"VP8X", &[0, 0, 0, 0, 0x1f, 0x03, 0, 0x57, 0x02, 0]);
        let tile = [b"ispe\0\0\0\0".as_slice(), &[0, 0, 0, 8, 0, 0, 0, 8]].concat();
        let grid = [b"ispe\0\0\0\0".as_slice(), &[0, 0, 3, 0x20, 0, 0, 2, 0x58]].concat();
        let avif = [b"\0\0\0\x1cftypavif\0\0\0\0".as_slice(), &tile, &grid].concat();
        for (bytes, media_type) in [
            (png_of(800, 600), "image/png"),
            (jpeg_of(800, 600), "image/jpeg"),
            (b"GIF89a\x20\x03\x58\x02".to_vec(), "image/gif"),
            (lossy, "image/webp"),
            (lossless, "image/webp"),
            (extended, "image/webp"),
            (avif, "image/avif"),
        ] {
            assert_eq!(look(&bytes), Ok(Picture { media_type, width: 800, height: 600 }), "{media_type}");
            // Cut before its size, it is damaged or unknown; cut anywhere, never a panic.
            assert!((0..10).all(|cut| look(&bytes[..cut]).is_err()), "{media_type}");
            assert!(
                (10..bytes.len())
                    .all(|cut| look(&bytes[..cut]).is_ok_and(|cut| cut.width <= 800) || look(&bytes[..cut]).is_err())
            );
        }
    }

    #[test]
    fn anything_else_is_refused_whatever_it_is_called() {
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
            assert_eq!(look(bytes), Err(PictureError::Unknown));
        }
    }

    #[test]
    fn a_picture_that_unpacks_to_too_much_is_refused() {
        for (width, height, good) in [
            (1, 1, true),
            (0, 100, false),
            (SIDE_MAX, 4096, true), // exactly the most pixels
            (SIDE_MAX, 4097, false),
            (SIDE_MAX + 1, 1, false),
            (u32::MAX, u32::MAX, false),
        ] {
            assert_eq!(look(&png_of(width, height)).is_ok(), good, "{width} x {height}");
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
                    bytes.push((state >> 24) as u8);
                }
                assert!(look(&bytes).is_ok() || look(&bytes).is_err());
            }
        }
    }
}
