//! Base58 with Bitcoin's alphabet, as Solana writes keys and hashes.

const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// 64 bytes are 88 characters at most; what is longer is not worth decoding.
const LONGEST: usize = 96;

/// Why a text is no base58 of so many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    Character(char),
    Length(usize),
}

/// An address: 32 bytes.
///
/// # Errors
/// Another length, or a character that is none of base58.
pub fn decode_32(text: &str) -> Result<[u8; 32], Flaw> {
    decode(text)?.try_into().map_err(|bytes: Vec<u8>| Flaw::Length(bytes.len()))
}

/// # Errors
/// A character that is none of base58, or far more of them than a signature has.
pub fn decode(text: &str) -> Result<Vec<u8>, Flaw> {
    if text.len() > LONGEST {
        return Err(Flaw::Length(text.len()));
    }
    // Base 256, least significant byte first.
    let mut bytes: Vec<u8> = Vec::with_capacity(LONGEST);
    for character in text.chars() {
        let digit = ALPHABET.iter().position(|c| char::from(*c) == character).ok_or(Flaw::Character(character))?;
        let mut carry = digit;
        for byte in &mut bytes {
            carry += usize::from(*byte) * 58;
            *byte = low(carry);
            carry >>= 8;
        }
        while carry > 0 {
            bytes.push(low(carry));
            carry >>= 8;
        }
    }
    bytes.extend(text.bytes().take_while(|c| *c == ALPHABET[0]).map(|_| 0));
    bytes.reverse();
    Ok(bytes)
}

#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut digits: Vec<u8> = Vec::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let mut carry = usize::from(*byte);
        for digit in &mut digits {
            carry += usize::from(*digit) << 8;
            *digit = low(carry % 58);
            carry /= 58;
        }
        while carry > 0 {
            digits.push(low(carry % 58));
            carry /= 58;
        }
    }
    digits.extend(bytes.iter().take_while(|byte| **byte == 0).map(|_| 0));
    digits.iter().rev().map(|digit| char::from(ALPHABET[usize::from(*digit)])).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "the low byte is what is wanted")]
const fn low(number: usize) -> u8 {
    number as u8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_keys_decode() {
        assert_eq!(decode_32("11111111111111111111111111111111"), Ok([0; 32]));
        let token = decode_32("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA").unwrap();
        assert_eq!(hex::encode(token), "06ddf6e1d765a193d9cbe146ceeb79ac1cb485ed5f5b37913a8cf5857eff00a9");
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(decode_32("0OIl"), Err(Flaw::Character('0')));
        assert_eq!(decode_32("2g"), Err(Flaw::Length(1)));
        assert_eq!(decode_32(""), Err(Flaw::Length(0)));
        assert_eq!(decode_32(&"z".repeat(1000)), Err(Flaw::Length(1000)));
    }

    proptest! {
        #[test]
        fn every_key_survives_the_round_trip(mut key: [u8; 32], zeros in 0usize..=32) {
            key[..zeros].fill(0);
            prop_assert_eq!(decode_32(&encode(&key)), Ok(key));
        }

        #[test]
        fn no_text_panics(text in ".{0,80}") {
            let _ = decode_32(&text);
        }
    }
}
