//! What a file's first bytes say it is, and what of that a browser may show. Nobody's word on it is believed.

use crate::picture;

/// Bytes of a file that are enough to tell.
pub(crate) const HEAD_BYTES: usize = 64;
/// Most pixels of a picture that is shown (50 megapixels; 200 MiB decoded). A small file that unpacks to more is a bomb.
pub(crate) const SHOWN_PIXELS_MAX: u64 = 50_000_000;
/// Bytes of a file in which a picture says its size: behind the colour profile and the camera's notes.
pub(crate) const PICTURE_HEAD_BYTES: usize = 256 * 1024;

/// The media type to show a file with: of a picture, film or sound that browsers show safely. `None`: it is to be saved.
///
/// `declared` decides only what the bytes cannot say: whether a container of both holds pictures or sound alone.
pub(crate) fn shown_as(head: &[u8], declared: &str) -> Option<&'static str> {
    let sound = declared.starts_with("audio/");
    let either = |audio, video| Some(if sound { audio } else { video });
    if let Some(picture) = picture::media_type(head) {
        return Some(picture);
    }
    match head {
        [_, _, _, _, b'f', b't', b'y', b'p', b'M', b'4', b'A' | b'B', b' ', ..] => Some("audio/mp4"),
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] if is_mp4(brand) => either("audio/mp4", "video/mp4"),
        [0x1a, 0x45, 0xdf, 0xa3, rest @ ..] if rest.windows(4).take(HEAD_BYTES).any(|word| word == b"webm") => {
            either("audio/webm", "video/webm")
        }
        [b'O', b'g', b'g', b'S', ..] => either("audio/ogg", "video/ogg"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Some("audio/wav"),
        [b'I', b'D', b'3', ..] => Some("audio/mpeg"),
        // A frame of MPEG audio: eleven bits set, then a version and layer that exist.
        [0xff, second, ..] if sound && second & 0xe0 == 0xe0 && second & 0x18 != 0x08 && second & 0x06 != 0 => {
            Some("audio/mpeg")
        }
        _ => None,
    }
}

/// Whether the brand behind `ftyp` is one of MP4 that browsers play.
fn is_mp4(brand: &[u8]) -> bool {
    const BRANDS: [&[u8]; 9] = [b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"dash"];
    brand.get(..4).is_some_and(|brand| BRANDS.contains(&brand) || brand.starts_with(b"M4V"))
}

/// Width and height of a picture that may be shown; `None` if its size cannot be told, or is too much.
pub(crate) fn shown_size(head: &[u8]) -> Option<(u32, u32)> {
    hutong_protocol::picture::size(head).filter(|(width, height)| {
        *width > 0 && *height > 0 && u64::from(*width) * u64::from(*height) <= SHOWN_PIXELS_MAX
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn films_and_sound_are_told_by_their_bytes() {
        let webm = b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm";
        for (head, declared, want) in [
            (&b"\0\0\0\x20ftypisom\0\0\x02\0"[..], "video/mp4", Some("video/mp4")),
            (b"\0\0\0\x20ftypisom\0\0\x02\0", "audio/mp4", Some("audio/mp4")),
            (b"\0\0\0\x20ftypM4A \0\0\0\0", "video/mp4", Some("audio/mp4")),
            (webm, "audio/webm;codecs=opus", Some("audio/webm")),
            (webm, "text/html", Some("video/webm")),
            (b"OggS\0\x02", "audio/ogg", Some("audio/ogg")),
            (b"RIFF\0\0\0\0WAVEfmt ", "", Some("audio/wav")),
            (b"ID3\x04", "", Some("audio/mpeg")),
            (b"\xff\xfb\x90", "audio/mpeg", Some("audio/mpeg")),
            (b"\xff\xfb\x90", "application/octet-stream", None),
            (b"\x89PNG\r\n\x1a\n\0\0\0\0", "text/html", Some("image/png")),
        ] {
            assert_eq!(shown_as(head, declared), want, "{declared}");
        }
    }

    #[test]
    fn what_could_do_harm_or_is_not_played_is_saved_whatever_it_is_called() {
        for head in [
            &b"<svg xmlns='http://www.w3.org/2000/svg'>"[..],
            b"<!doctype html>",
            b"%PDF-1.7",
            b"PK\x03\x04",
            b"\0\0\0\x14ftypqt  ",
            b"\0\0\0\x14ftypheic",
            b"\x1a\x45\xdf\xa3\x9fmatroska",
            b"",
        ] {
            for declared in ["image/png", "video/mp4", "audio/mpeg", "text/html"] {
                assert_eq!(shown_as(head, declared), None, "{declared}");
            }
        }
    }

    #[test]
    fn a_bomb_has_no_size_to_be_shown_with() {
        let png = crate::picture::tests::png_of;
        assert_eq!(shown_size(&png(10_000, 5_000)), Some((10_000, 5_000)), "exactly the most");
        for (width, height) in [(10_000, 5_001), (60_000, 60_000), (u32::MAX, u32::MAX), (0, 10)] {
            assert_eq!(shown_size(&png(width, height)), None, "{width} x {height}");
        }
    }
}
