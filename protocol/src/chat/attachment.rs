//! What a message carries beside its words: files, and where somebody is.
//!
//! A file is a blob. Where it is private, the blob is its ciphertext: XChaCha20 with a random key that is used for this
//! one file, and a nonce of zeros, over all of it, so that every range can be decrypted by itself. No tag is needed: the
//! signed message names the BLAKE3 hash of the ciphertext, and that is checked in groups of 16 KiB as they come.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::{
    ids::BlobHash,
    limits::{
        ATTACHMENT_NAME_BYTES_MAX, ATTACHMENTS_MAX, BLOB_BYTES_MAX, LABEL_BYTES_MAX, LIVE_LOCATION_MS_MAX,
        MEDIA_TYPE_BYTES_MAX, THUMBNAIL_BYTES_MAX, THUMBNAIL_SIDE_MAX, THUMBNAILS_BYTES_MAX, WAVEFORM_VALUES_MAX,
    },
    picture,
    record::RecordError,
    text::{check_line, truncate},
    time::TimestampMs,
};

/// The key of one file. Never shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FileKey(pub [u8; 32]);

impl std::fmt::Debug for FileKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileKey(..)")
    }
}

impl Serialize for FileKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_bytes::Bytes::new(&self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for FileKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde_bytes::ByteArray::<32>::deserialize(deserializer).map(|bytes| Self(bytes.into_array()))
    }
}

/// How a file is shown. What it is, its bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentKind {
    /// A picture.
    Image,
    /// A film.
    Video,
    /// Sound.
    Audio,
    /// Something said into the microphone.
    Voice,
    /// A file, to be saved; also what a later version says.
    #[serde(other)]
    File,
}

/// A file that goes with a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The hash of the bytes as they are kept and sent: of the ciphertext, where there is a key.
    pub blob: BlobHash,
    /// The key; absent where everybody may read along (public groups).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<FileKey>,
    /// Its length in bytes. The ciphertext is as long.
    pub size: u64,
    /// Its media type, as its sender says.
    pub media_type: String,
    /// Its name, without a path.
    pub name: String,
    /// How it is shown.
    pub kind: AttachmentKind,
    /// Width in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// How long it plays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// How loud it is along the way, for what was said into the microphone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waveform: Option<ByteBuf>,
    /// A small JPEG, WebP or PNG picture of it, which is there before the file is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<ByteBuf>,
}

impl Attachment {
    /// # Errors
    /// [`RecordError::Field`] with the reason.
    pub fn validate(&self) -> Result<(), RecordError> {
        if self.size > BLOB_BYTES_MAX {
            return Err(RecordError::Field("a file has at most 1 GiB"));
        }
        if !is_media_type(&self.media_type) {
            return Err(RecordError::Field("a media type is type/subtype of at most 128 bytes"));
        }
        check_file_name(&self.name)?;
        if self.waveform.as_ref().is_some_and(|values| values.len() > WAVEFORM_VALUES_MAX) {
            return Err(RecordError::Field("a waveform has at most 64 values"));
        }
        self.thumbnail.as_ref().map_or(Ok(()), |bytes| check_thumbnail(bytes))
    }
}

/// Checks the files of one message.
///
/// # Errors
/// [`RecordError::Field`] with the reason.
pub(super) fn check_attachments(attachments: &[Attachment]) -> Result<(), RecordError> {
    if attachments.len() > ATTACHMENTS_MAX {
        return Err(RecordError::Field("a message has at most 10 files"));
    }
    let small = attachments.iter().filter_map(|attachment| attachment.thumbnail.as_ref()).map(|bytes| bytes.len());
    if small.fold(0usize, usize::saturating_add) > THUMBNAILS_BYTES_MAX {
        return Err(RecordError::Field("the small pictures of a message have at most 32 KiB together"));
    }
    attachments.iter().try_for_each(Attachment::validate)
}

/// Checks a small picture.
///
/// # Errors
/// [`RecordError::Field`] with the reason.
pub fn check_thumbnail(bytes: &[u8]) -> Result<(), RecordError> {
    if bytes.len() > THUMBNAIL_BYTES_MAX {
        return Err(RecordError::Field("a small picture has at most 8 KiB"));
    }
    if !matches!(picture::media_type(bytes), Some("image/jpeg" | "image/webp" | "image/png")) {
        return Err(RecordError::Field("a small picture is a JPEG, WebP or PNG"));
    }
    let sides = 1..=THUMBNAIL_SIDE_MAX;
    match picture::size(bytes) {
        Some((width, height)) if sides.contains(&width) && sides.contains(&height) => Ok(()),
        _ => Err(RecordError::Field("a small picture has at most 512 pixels on a side")),
    }
}

/// Whether a text is a media type: `type/subtype` of the characters that RFC 6838 allows, in small letters.
#[must_use]
pub fn is_media_type(text: &str) -> bool {
    let good = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "!#$&-^_.+".contains(c))
    };
    text.len() <= MEDIA_TYPE_BYTES_MAX
        && text.split_once('/').is_some_and(|(first, second)| good(first) && good(second))
}

/// Checks a file's name: a line that names no directory.
fn check_file_name(name: &str) -> Result<(), RecordError> {
    check_line(name, ATTACHMENT_NAME_BYTES_MAX)?;
    if name.contains(is_forbidden_in_name) || name.chars().all(|c| c == '.') {
        return Err(RecordError::Field("a file's name holds no path"));
    }
    Ok(())
}

/// What separates paths on some system, or may not stand in a name on another.
const fn is_forbidden_in_name(c: char) -> bool {
    matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
}

/// Makes a file's name of what somebody called it: the last part of a path, without what some system does not allow. The
/// ending stays when it is cut. Empty if nothing is left.
#[must_use]
pub fn clean_file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last.chars().filter(|c| !is_forbidden_in_name(*c)).collect();
    let line = crate::text::clean_line(&kept, kept.len());
    if line.chars().all(|c| c == '.') {
        return String::new();
    }
    if line.len() <= ATTACHMENT_NAME_BYTES_MAX {
        return line;
    }
    // An ending of up to 16 bytes says what kind of file it is.
    let (stem, ending) = match line.rsplit_once('.') {
        Some((stem, ending)) if ending.len() <= 16 && !stem.is_empty() => (stem, format!(".{ending}")),
        _ => (line.as_str(), String::new()),
    };
    let mut stem = stem.to_owned();
    truncate(&mut stem, ATTACHMENT_NAME_BYTES_MAX.saturating_sub(ending.len()));
    format!("{}{ending}", stem.trim_end())
}

/// A place on earth, in ten-millionths of a degree (about a centimetre).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Latitude, -90 to 90 degrees.
    pub lat_e7: i32,
    /// Longitude, -180 to 180 degrees.
    pub lon_e7: i32,
    /// How far off it may be, in metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_m: Option<u32>,
}

impl Position {
    /// # Errors
    /// [`RecordError::Field`] if there is no such place.
    pub fn validate(&self) -> Result<(), RecordError> {
        let there = (-900_000_000..=900_000_000).contains(&self.lat_e7)
            && (-1_800_000_000..=1_800_000_000).contains(&self.lon_e7);
        if there { Ok(()) } else { Err(RecordError::Field("there is no such place on earth")) }
    }
}

/// Where somebody, or something, is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Latitude in ten-millionths of a degree.
    pub lat_e7: i32,
    /// Longitude in ten-millionths of a degree.
    pub lon_e7: i32,
    /// How far off it may be, in metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_m: Option<u32>,
    /// What is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Until then its author says where they are whenever that changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_until: Option<TimestampMs>,
}

impl Location {
    /// Where.
    #[must_use]
    pub const fn position(&self) -> Position {
        Position { lat_e7: self.lat_e7, lon_e7: self.lon_e7, accuracy_m: self.accuracy_m }
    }

    /// # Errors
    /// [`RecordError::Field`] with the reason.
    pub fn validate(&self) -> Result<(), RecordError> {
        self.position().validate()?;
        self.label.as_ref().map_or(Ok(()), |label| check_line(label, LABEL_BYTES_MAX))
    }

    /// Whether it is live no longer than it may be, counted from its message's time.
    ///
    /// # Errors
    /// [`RecordError::Field`] if not.
    pub fn check_live(&self, at: TimestampMs) -> Result<(), RecordError> {
        if self.live_until.is_some_and(|until| until > at.plus_ms(LIVE_LOCATION_MS_MAX)) {
            return Err(RecordError::Field("a place is told live for at most eight hours"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png_of(width: u32, height: u32) -> ByteBuf {
        let head = [b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".as_slice(), &width.to_be_bytes(), &height.to_be_bytes()];
        ByteBuf::from(head.concat())
    }

    fn file() -> Attachment {
        Attachment {
            blob: BlobHash([1; 32]),
            key: Some(FileKey([0xab; 32])),
            size: BLOB_BYTES_MAX,
            media_type: "application/vnd.oasis.opendocument.text".into(),
            name: "收据 (2).odt".into(),
            kind: AttachmentKind::File,
            width: None,
            height: None,
            duration_ms: None,
            waveform: Some(ByteBuf::from(vec![255; WAVEFORM_VALUES_MAX])),
            thumbnail: Some(png_of(512, 512)),
        }
    }

    #[test]
    fn a_file_at_its_limits_is_good_and_one_step_further_is_not() {
        assert_eq!(file().validate(), Ok(()));
        type Break = fn(&mut Attachment);
        let broken: [(&str, Break); 9] = [
            ("size", |file| file.size += 1),
            ("media type", |file| file.media_type = "text".into()),
            ("media type", |file| file.media_type = "text/html; charset=utf-8".into()),
            ("path", |file| file.name = "../../etc/passwd".into()),
            ("path", |file| file.name = "..".into()),
            ("name", |file| file.name = "a\u{202e}gpj.exe".into()),
            ("waveform", |file| file.waveform = Some(ByteBuf::from(vec![0; WAVEFORM_VALUES_MAX + 1]))),
            ("thumbnail", |file| file.thumbnail = Some(png_of(513, 1))),
            ("thumbnail", |file| file.thumbnail = Some(ByteBuf::from(b"<svg>".to_vec()))),
        ];
        for (what, spoil) in broken {
            let mut file = file();
            spoil(&mut file);
            assert!(file.validate().is_err(), "{what}");
        }
        let mut large = png_of(10, 10).into_vec();
        large.resize(THUMBNAIL_BYTES_MAX, 0);
        assert_eq!(check_thumbnail(&large), Ok(()));
        assert_eq!(check_attachments(&vec![file(); ATTACHMENTS_MAX]), Ok(()));
        assert!(check_attachments(&vec![file(); ATTACHMENTS_MAX + 1]).is_err());
        let heavy = Attachment { thumbnail: Some(ByteBuf::from(large.clone())), ..file() };
        assert_eq!(check_attachments(&vec![heavy.clone(); 4]), Ok(()));
        assert!(check_attachments(&vec![heavy; 5]).is_err(), "or the record would be too large");
        large.push(0);
        assert!(check_thumbnail(&large).is_err());
    }

    #[test]
    fn the_key_is_never_shown() {
        let shown = format!("{:?}", file());
        assert!(shown.contains("FileKey(..)") && !shown.contains("171") && !shown.contains("abab"), "{shown}");
    }

    #[test]
    fn names_become_plain_ones() {
        for (typed, want) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\mei\\照片.jpg", "照片.jpg"),
            (" a\u{0}b\n.txt ", "ab .txt"),
            ("a\u{202e}gpj.exe", "agpj.exe"),
            ("..", ""),
            ("", ""),
            ("what?.pdf", "what.pdf"),
        ] {
            assert_eq!(clean_file_name(typed), want, "{typed:?}");
            assert!(want.is_empty() || check_file_name(want).is_ok(), "{want:?}");
        }
        let long = clean_file_name(&format!("{}.tar.gz", "长".repeat(200)));
        assert!(long.len() <= ATTACHMENT_NAME_BYTES_MAX && long.ends_with(".gz") && check_file_name(&long).is_ok());
    }

    #[test]
    fn places_are_on_earth_and_live_for_eight_hours_at_most() {
        let place = |lat_e7, lon_e7| Position { lat_e7, lon_e7, accuracy_m: None }.validate().is_ok();
        assert!(place(900_000_000, -1_800_000_000) && place(0, 0));
        assert!(!place(900_000_001, 0) && !place(0, -1_800_000_001) && !place(i32::MIN, i32::MAX));
        let location = |until: u64| Location {
            lat_e7: 0,
            lon_e7: 0,
            accuracy_m: None,
            label: Some("东门".into()),
            live_until: Some(TimestampMs(until)),
        };
        let at = TimestampMs(1_000);
        assert_eq!(location(at.0 + LIVE_LOCATION_MS_MAX).check_live(at), Ok(()));
        assert!(location(at.0 + LIVE_LOCATION_MS_MAX + 1).check_live(at).is_err());
        assert!(Location { label: Some("x".repeat(129)), ..location(0) }.validate().is_err());
    }
}
