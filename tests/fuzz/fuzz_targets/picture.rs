//! Pictures: any bytes as an upload's beginning.
#![no_main]

use hutong_protocol::picture;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (kind, size) = (picture::media_type(data), picture::size(data));
    assert!(kind.is_some() || size.is_none(), "a size without a format");
});
