#![no_main]
//! Hermes' event stream in pieces of any length, and its JSON.

use libfuzzer_sys::fuzz_target;
use watchkeeper::feeds::hermes::{read_anything, sse};

fuzz_target!(|data: &[u8]| {
    let Some((cut, bytes)) = data.split_first() else { return };
    let gather = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let (mut parser, mut items) = (sse::Decoder::new(1 << 20), Vec::new());
        for piece in pieces {
            parser.push(piece, |item| items.push(format!("{item:?}")));
        }
        items
    };
    let whole = gather(&mut std::iter::once(bytes));
    let pieces = gather(&mut bytes.chunks(usize::from(*cut).max(1)));
    assert_eq!(whole, pieces, "how it was cut up on the way makes no difference");
    read_anything(bytes);
});
