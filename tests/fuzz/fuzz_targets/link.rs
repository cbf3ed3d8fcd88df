//! Links and codes: any text as what was scanned or pasted. What parses is shown, and reads as itself again.
#![no_main]

use hutong_protocol::{link::Link, own::DeviceLink, phrase::Phrase};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(link) = text.parse::<Link>() {
        assert_eq!(link.to_string().parse(), Ok(link.clone()), "{link}");
    }
    if let Ok(link) = text.parse::<DeviceLink>() {
        assert_eq!(link.to_string().parse(), Ok(link.clone()), "{link}");
    }
    if let Ok(phrase) = Phrase::parse(text) {
        let words = phrase.words();
        assert_eq!(Phrase::parse(&words.join(" ")).map(|again| again.words()), Ok(words));
    }
});
