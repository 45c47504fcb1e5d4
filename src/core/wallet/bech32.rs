//! Bech32 (BIP 173), as chains of the Cosmos SDK write addresses: `osmo1…`.

const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const CHECKSUM: usize = 6;
/// Cosmos allows more than BIP 173's 90 characters, never this many.
const LONGEST: usize = 128;

/// Why a text is no bech32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    MixedCase,
    NoPrefix,
    Character(char),
    Length,
    Checksum,
}

/// The prefix and the bytes behind it.
pub(super) fn decode(text: &str) -> Result<(String, Vec<u8>), Flaw> {
    if text.len() > LONGEST {
        return Err(Flaw::Length);
    }
    let lower = text.to_ascii_lowercase();
    if lower != text && text.to_ascii_uppercase() != text {
        return Err(Flaw::MixedCase);
    }
    let (prefix, data) = lower.rsplit_once('1').filter(|(prefix, _)| !prefix.is_empty()).ok_or(Flaw::NoPrefix)?;
    if let Some(strange) = prefix.chars().find(|c| !c.is_ascii_graphic()) {
        return Err(Flaw::Character(strange));
    }
    let value = |c: char| ALPHABET.iter().position(|a| char::from(*a) == c).ok_or(Flaw::Character(c));
    let values = data.chars().map(value).collect::<Result<Vec<_>, _>>()?;
    let Some(payload) = values.len().checked_sub(CHECKSUM) else { return Err(Flaw::Length) };
    if polymod(prefix, &values) != 1 {
        return Err(Flaw::Checksum);
    }
    Ok((prefix.to_owned(), bytes(&values[..payload]).ok_or(Flaw::Length)?))
}

fn polymod(prefix: &str, values: &[usize]) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let high = prefix.bytes().map(|b| u32::from(b >> 5));
    let low = prefix.bytes().map(|b| u32::from(b & 31));
    let data = values.iter().map(|value| u32::try_from(*value).unwrap_or_default());
    high.chain([0]).chain(low).chain(data).fold(1, |sum, value| {
        let top = sum >> 25;
        let next = (sum & 0x1ff_ffff) << 5 ^ value;
        GENERATOR.iter().enumerate().filter(|(bit, _)| top >> bit & 1 == 1).fold(next, |sum, (_, g)| sum ^ g)
    })
}

/// Groups of five bits as bytes; `None` when the padding is longer than needed or not zero.
fn bytes(values: &[usize]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(values.len() * 5 / 8);
    let (mut pending, mut bits) = (0usize, 0);
    for value in values {
        pending = (pending << 5 | value) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(pending >> bits & 0xff).ok()?);
        }
    }
    (bits < 5 && pending & ((1 << bits) - 1) == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_addresses_decode() {
        // The community pool of the Cosmos Hub, and an example of BIP 173.
        let (prefix, bytes) = decode("cosmos1jv65s3grqf6v6jl3dp4t6c9t9rk99cd88lyufl").unwrap();
        assert_eq!(
            (prefix.as_str(), hex::encode(bytes).as_str()),
            ("cosmos", "93354845030274cd4bf1686abd60ab28ec52e1a7")
        );
        let (prefix, bytes) = decode("A12UEL5L").unwrap();
        assert_eq!((prefix.as_str(), bytes.len()), ("a", 0));
    }

    #[test]
    fn one_changed_letter_is_noticed() {
        let good = "cosmos1jv65s3grqf6v6jl3dp4t6c9t9rk99cd88lyufl";
        for at in 7..good.len() {
            let mut typed = good.to_owned().into_bytes();
            typed[at] = if typed[at] == b'q' { b'p' } else { b'q' };
            let typed = String::from_utf8(typed).unwrap();
            assert_eq!(decode(&typed), Err(Flaw::Checksum), "{typed}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(decode("Cosmos1jv65"), Err(Flaw::MixedCase));
        assert_eq!(decode("cosmos"), Err(Flaw::NoPrefix));
        assert_eq!(decode("1qqqqqq"), Err(Flaw::NoPrefix));
        assert_eq!(decode("cosmos1b"), Err(Flaw::Character('b')));
        assert_eq!(decode("cosmos1qqq"), Err(Flaw::Length));
        assert_eq!(decode(&format!("a1{}", "q".repeat(200))), Err(Flaw::Length));
    }
}
