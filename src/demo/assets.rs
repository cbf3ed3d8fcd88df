//! The demonstration's catalogues and pictures, inside the program.

use std::borrow::Cow;

use rust_embed::RustEmbed;

use super::DemoError;

/// The files.
#[derive(RustEmbed)]
#[folder = "src/demo/assets"]
struct Files;

/// One file.
///
/// # Errors
/// [`DemoError::Asset`] if there is none of that name.
pub(super) fn file(name: &str) -> Result<Cow<'static, [u8]>, DemoError> {
    Files::get(name).map(|file| file.data).ok_or_else(|| DemoError::Asset(name.to_owned()))
}

/// A file name and its content.
pub(super) type Picture = (String, Cow<'static, [u8]>);

/// The pictures that a catalogue names, with their content.
///
/// # Errors
/// [`DemoError::Asset`].
pub(super) fn pictures_of(catalogue: &str) -> Result<Vec<Picture>, DemoError> {
    let csv = file(catalogue)?;
    let text = String::from_utf8_lossy(&csv);
    let pictures = Files::iter().filter_map(|path| path.strip_prefix("pictures/").map(str::to_owned));
    let named = pictures.filter(|name| text.contains(&format!(",{name},")));
    named.map(|name| file(&format!("pictures/{name}")).map(|bytes| (name, bytes))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::cast;

    #[test]
    fn everything_the_cast_needs_is_inside() {
        for shop in [&cast::GREENS, &cast::LANE] {
            assert!(file(shop.catalogue).is_ok() && file(shop.logo).is_ok());
            assert!(pictures_of(shop.catalogue).unwrap().len() > 8, "{}", shop.catalogue);
        }
        for person in [&cast::YOU, &cast::MEI, &cast::TOM] {
            assert!(file(person.picture).is_ok(), "{}", person.picture);
        }
        assert!(file("mod.rs").is_err());
    }

    #[test]
    fn every_deal_is_in_its_catalogue() {
        for shop in [&cast::GREENS, &cast::LANE] {
            let csv = file(shop.catalogue).unwrap();
            let text = String::from_utf8_lossy(&csv);
            for (listing, _) in shop.deals {
                assert!(text.contains(&format!(",{listing},")), "{listing}");
            }
        }
        let both = [&cast::GREENS, &cast::LANE].map(|shop| file(shop.catalogue).unwrap());
        for (_, listing, _) in cast::RECOMMENDED {
            let entry = format!(",{listing},");
            assert!(both.iter().any(|csv| String::from_utf8_lossy(csv).contains(&entry)), "{listing}");
        }
    }
}
