//! What an upload's first bytes say it is. Only pictures that browsers show safely, of a size that one can show.
//!
//! The declared type is not believed: what is served later is what the bytes are, with `nosniff`, so an upload can never
//! come back as a page. SVG is not among them: it may hold script.

pub(crate) use hutong_protocol::picture::{SNIFF_BYTES, media_type};

/// Longest side in pixels: above it canvases and decoders of phones give up.
pub(crate) const SIDE_MAX: u32 = 16_384;
/// Most pixels (a 64-megapixel camera's picture; 256 MiB decoded). A small file that unpacks to more is a bomb.
pub(crate) const PIXELS_MAX: u64 = 64 * 1024 * 1024;

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

/// Looks at an upload.
///
/// # Errors
/// [`PictureError`] says what to do.
pub(crate) fn look(bytes: &[u8]) -> Result<Picture, PictureError> {
    let media_type = media_type(bytes).ok_or(PictureError::Unknown)?;
    let (width, height) = hutong_protocol::picture::size(bytes).ok_or(PictureError::Damaged)?;
    let sides = 1..=SIDE_MAX;
    if !sides.contains(&width) || !sides.contains(&height) || u64::from(width) * u64::from(height) > PIXELS_MAX {
        return Err(PictureError::Size);
    }
    Ok(Picture { media_type, width, height })
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

    #[test]
    fn what_is_no_picture_and_what_is_half_a_one_are_told_apart() {
        let picture = Picture { media_type: "image/png", width: 800, height: 600 };
        assert_eq!(look(&png_of(800, 600)), Ok(picture));
        assert_eq!(look(&png_of(800, 600)[..20]), Err(PictureError::Damaged));
        assert_eq!(look(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), Err(PictureError::Unknown));
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
}
