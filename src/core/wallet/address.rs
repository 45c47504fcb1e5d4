//! Addresses, each checked by its chain's own rules, so that a slip of the keyboard is found when the file is read.

use std::fmt;

use sha3::{Digest, Keccak256};

use super::{ChainKind, base58, bech32};

/// A Solana public key: an account, a mint, a program. Base58 in text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SolanaKey(pub [u8; 32]);

impl SolanaKey {
    /// # Errors
    /// When the text is not base58 of 32 bytes.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        base58::decode_32(text).map(Self).map_err(|flaw| {
            let what = match flaw {
                base58::Flaw::Character(c) => format!("`{c}` is not used in base58"),
                base58::Flaw::Length(found) => format!("it holds {found} bytes, and a key has 32; is a part missing?"),
            };
            InvalidAddress::new(ChainKind::Solana, text, what)
        })
    }
}

impl fmt::Display for SolanaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base58::encode(&self.0))
    }
}

impl fmt::Debug for SolanaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An account's address. Prints as its chain's explorers write it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    Solana(SolanaKey),
    Evm([u8; 20]),
    /// Aptos and Movement.
    Aptos([u8; 32]),
    Sui([u8; 32]),
    /// A name (`watch.near`) or an implicit account (64 hex digits).
    Near(String),
    /// Prefix and text, whose checksum was right.
    Cosmos {
        prefix: String,
        text: String,
    },
}

/// What was written where an address belongs, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {kind} address: {what}")]
pub struct InvalidAddress {
    kind: ChainKind,
    text: String,
    what: String,
}

impl InvalidAddress {
    fn new(kind: ChainKind, text: &str, what: impl Into<String>) -> Self {
        Self { kind, text: text.chars().take(80).collect(), what: what.into() }
    }
}

impl Address {
    /// # Errors
    /// When the text is no address of such a chain; the error says why.
    pub fn parse(kind: ChainKind, text: &str) -> Result<Self, InvalidAddress> {
        let wrong = |what: String| InvalidAddress::new(kind, text, what);
        match kind {
            ChainKind::Solana => SolanaKey::parse(text).map(Self::Solana),
            ChainKind::Evm => evm(text).map(Self::Evm).map_err(wrong),
            ChainKind::Aptos => padded(text).map(Self::Aptos).map_err(wrong),
            ChainKind::Sui => padded(text).map(Self::Sui).map_err(wrong),
            ChainKind::Near => near(text).map(Self::Near).map_err(wrong),
            ChainKind::Cosmos => {
                cosmos(text).map(|prefix| Self::Cosmos { prefix, text: text.to_lowercase() }).map_err(wrong)
            }
        }
    }

    #[must_use]
    pub const fn kind(&self) -> ChainKind {
        match self {
            Self::Solana(_) => ChainKind::Solana,
            Self::Evm(_) => ChainKind::Evm,
            Self::Aptos(_) => ChainKind::Aptos,
            Self::Sui(_) => ChainKind::Sui,
            Self::Near(_) => ChainKind::Near,
            Self::Cosmos { .. } => ChainKind::Cosmos,
        }
    }

    /// Enough of it to tell it from others at a glance, e.g. `9WzDXw…AWWM`. Names of 16 characters are left whole.
    #[must_use]
    pub fn short(&self) -> String {
        let text = self.to_string();
        if text.len() <= 16 || !text.is_ascii() {
            return text;
        }
        format!("{}…{}", &text[..6], &text[text.len() - 4..])
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Solana(key) => fmt::Display::fmt(key, f),
            Self::Evm(bytes) => f.write_str(&checksummed(bytes)),
            Self::Aptos(bytes) | Self::Sui(bytes) => write!(f, "0x{}", hex::encode(bytes)),
            Self::Near(text) | Self::Cosmos { text, .. } => f.write_str(text),
        }
    }
}

/// The digits after `0x`, all of them hexadecimal.
fn hex_digits(text: &str) -> Result<&str, String> {
    let digits = text.strip_prefix("0x").ok_or("it must begin with 0x")?;
    match digits.chars().find(|c| !c.is_ascii_hexdigit()) {
        Some(strange) => Err(format!("`{strange}` is no hex digit")),
        None => Ok(digits),
    }
}

/// EIP-55: when capitals and small letters are mixed, their pattern is a checksum.
fn evm(text: &str) -> Result<[u8; 20], String> {
    let digits = hex_digits(text)?;
    let mut bytes = [0; 20];
    hex::decode_to_slice(digits, &mut bytes)
        .map_err(|_| format!("it has {} hex digits, and an address has 40", digits.len()))?;
    let mixed = digits.contains(|c: char| c.is_ascii_lowercase()) && digits.contains(|c: char| c.is_ascii_uppercase());
    if mixed && checksummed(&bytes) != text {
        return Err("its capitals are a checksum (EIP-55) that does not match; copy the address again".to_owned());
    }
    Ok(bytes)
}

/// As EIP-55 writes it: a letter is a capital where the hash of the small form has a high digit.
fn checksummed(bytes: &[u8; 20]) -> String {
    let digits = hex::encode(bytes);
    let hash = hex::encode(Keccak256::digest(digits.as_bytes()));
    let cased = digits.chars().zip(hash.chars()).map(|(digit, hash)| match hash {
        '8'..='9' | 'a'..='f' => digit.to_ascii_uppercase(),
        _ => digit,
    });
    format!("0x{}", cased.collect::<String>())
}

/// 32 bytes; leading zeros may be left out, as in `0x1`.
fn padded(text: &str) -> Result<[u8; 32], String> {
    let digits = hex_digits(text)?;
    if digits.is_empty() || digits.len() > 64 {
        return Err(format!("it has {} hex digits, and an address has 1 to 64", digits.len()));
    }
    let mut bytes = [0; 32];
    hex::decode_to_slice(format!("{digits:0>64}"), &mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// <https://nomicon.io/DataStructures/Account>: parts of small letters and digits, with single separators between.
fn near(text: &str) -> Result<String, String> {
    if !(2..=64).contains(&text.len()) {
        return Err(format!("it has {} characters, and an account has 2 to 64", text.len()));
    }
    let separator = |c: char| matches!(c, '-' | '_' | '.');
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || separator(c);
    if let Some(strange) = text.chars().find(|c| !allowed(*c)) {
        return Err(format!("`{strange}` is not allowed; only small letters, digits and - _ . are"));
    }
    if text.split(separator).any(str::is_empty) {
        return Err("a separator (- _ .) must stand between letters or digits".to_owned());
    }
    Ok(text.to_owned())
}

/// The prefix.
fn cosmos(text: &str) -> Result<String, String> {
    let (prefix, bytes) = bech32::decode(text).map_err(|flaw| match flaw {
        bech32::Flaw::MixedCase => "capitals and small letters are mixed".to_owned(),
        bech32::Flaw::NoPrefix => "it must begin with the chain's prefix and 1, like osmo1…".to_owned(),
        bech32::Flaw::Character(c) => format!("`{c}` is not used in bech32"),
        bech32::Flaw::Length => "it has the wrong length; is a part missing?".to_owned(),
        bech32::Flaw::Checksum => "its checksum does not match; copy the address again".to_owned(),
    })?;
    match bytes.len() {
        20 | 32 => Ok(prefix),
        found => Err(format!("it holds {found} bytes, and an account has 20 or 32")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ChainKind, text: &str) -> String {
        Address::parse(kind, text).unwrap_err().to_string()
    }

    #[test]
    fn addresses_print_as_explorers_write_them() {
        for (kind, text) in [
            (ChainKind::Solana, "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM"),
            (ChainKind::Evm, "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
            (ChainKind::Evm, "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"),
            (ChainKind::Sui, "0x0000000000000000000000000000000000000000000000000000000000000002"),
            (ChainKind::Near, "price-pusher.watch.near"),
            (ChainKind::Near, "98793cd91a3f870fb126f66285808c7e094afcfc4eda8a970f6648cdf0dbd6de"),
            (ChainKind::Cosmos, "cosmos1jv65s3grqf6v6jl3dp4t6c9t9rk99cd88lyufl"),
        ] {
            let address = Address::parse(kind, text).unwrap();
            assert_eq!((address.to_string().as_str(), address.kind()), (text, kind));
        }
        let short = Address::parse(ChainKind::Aptos, "0xA").unwrap();
        assert_eq!(short.to_string(), format!("0x{}a", "0".repeat(63)));
    }

    #[test]
    fn an_evm_address_in_one_case_is_taken_and_one_in_mixed_case_is_checked() {
        let good = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
        let address = Address::parse(ChainKind::Evm, good).unwrap();
        assert_eq!(Address::parse(ChainKind::Evm, &good.to_lowercase()), Ok(address.clone()));
        let upper = format!("0x{}", good[2..].to_uppercase());
        assert_eq!(Address::parse(ChainKind::Evm, &upper), Ok(address));
        let typo = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD";
        assert!(error(ChainKind::Evm, typo).contains("checksum (EIP-55) that does not match"));
    }

    #[test]
    fn an_error_says_what_is_wrong() {
        for (kind, text, said) in [
            (ChainKind::Solana, "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "`0` is not used in base58"),
            (ChainKind::Solana, "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYt", "it holds 29 bytes"),
            (ChainKind::Evm, "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "begin with 0x"),
            (ChainKind::Evm, "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beae", "39 hex digits"),
            (ChainKind::Evm, "0xg", "`g` is no hex digit"),
            (ChainKind::Aptos, "0x", "0 hex digits"),
            (ChainKind::Near, "Watch.near", "`W` is not allowed"),
            (ChainKind::Near, "watch..near", "between letters or digits"),
            (ChainKind::Near, "w", "1 characters"),
            (ChainKind::Cosmos, "cosmos1jv65s3grqf6v6jl3dp4t6c9t9rk99cd88lyuf", "checksum does not match"),
            (ChainKind::Cosmos, "a12uel5l", "it holds 0 bytes"),
        ] {
            let said_of_it = error(kind, text);
            assert!(said_of_it.contains(said) && said_of_it.contains(text), "{said_of_it}");
        }
    }

    #[test]
    fn a_long_address_is_shortened_and_a_name_is_not() {
        let key = Address::parse(ChainKind::Solana, "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM").unwrap();
        assert_eq!(key.short(), "9WzDXw…AWWM");
        assert_eq!(Address::parse(ChainKind::Near, "watch.near").unwrap().short(), "watch.near");
    }
}
