//! A value as a text that a column holds: JSON, compressed, in base64.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::de::DeserializeOwned;

/// No view is larger; what claims to be is broken.
const LARGEST: u64 = 1 << 30;

/// Why a text is not a value.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    #[error("not compressed as it should be: {0}")]
    Gzip(#[from] std::io::Error),
    #[error("of another version: {0}")]
    Json(#[from] serde_json::Error),
}

pub(super) fn pack(json: &[u8]) -> std::io::Result<String> {
    // It is read once or twice and then replaced: quick rather than small.
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(json)?;
    Ok(STANDARD.encode(gzip.finish()?))
}

pub(super) fn unpack<T: DeserializeOwned>(text: &str) -> Result<T, Unreadable> {
    let mut json = Vec::new();
    GzDecoder::new(STANDARD.decode(text)?.as_slice()).take(LARGEST).read_to_end(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_small_and_comes_out_as_it_was() {
        let many: Vec<String> = (0..1000).map(|n| format!("price-pusher-{n}")).collect();
        let json = serde_json::to_vec(&many).unwrap();
        let packed = pack(&json).unwrap();
        assert!(packed.len() * 3 < json.len(), "{} of {}", packed.len(), json.len());
        assert_eq!(unpack::<Vec<String>>(&packed).unwrap(), many);
    }

    #[test]
    fn what_is_broken_is_refused() {
        let other = pack(b"{\"a\": 1}").unwrap();
        assert!(matches!(unpack::<Vec<u8>>("?"), Err(Unreadable::Base64(_))));
        assert!(matches!(unpack::<Vec<u8>>("AAAA"), Err(Unreadable::Gzip(_))));
        assert!(matches!(unpack::<Vec<u8>>(&other), Err(Unreadable::Json(_))));
    }
}
