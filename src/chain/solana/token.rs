//! Token accounts of SPL Token and Token-2022: their addresses and the bytes that both programs lay out alike.

use ed25519_dalek::VerifyingKey;
use sha2::{Digest as _, Sha256};

use crate::core::wallet::{SolanaKey, TokenProgram};

/// `ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL`, which makes associated token accounts.
pub(in crate::chain) const ASSOCIATED_TOKEN: SolanaKey = SolanaKey([
    0x8c, 0x97, 0x25, 0x8f, 0x4e, 0x24, 0x89, 0xf1, 0xbb, 0x3d, 0x10, 0x29, 0x14, 0x8e, 0x0d, 0x83, 0x0b, 0x5a, 0x13,
    0x99, 0xda, 0xff, 0x10, 0x84, 0x04, 0x8e, 0x7b, 0xd8, 0xdb, 0xe9, 0xf8, 0x59,
]);

/// Mint, owner and amount: the first bytes of a token account, and enough of a mint.
pub(in crate::chain) const HEAD: usize = 72;

/// The token account that wallets use for `owner`. `None` for no owner that can be met in practice: all 256 candidates
/// would have to be points of the curve.
pub(in crate::chain) fn associated_account(
    owner: SolanaKey,
    program: TokenProgram,
    mint: SolanaKey,
) -> Option<SolanaKey> {
    (0..=u8::MAX).rev().find_map(|bump| {
        let seeds: [&[u8]; 6] =
            [&owner.0, &program.id().0, &mint.0, &[bump], &ASSOCIATED_TOKEN.0, b"ProgramDerivedAddress"];
        let hash: [u8; 32] = Sha256::digest(seeds.concat()).into();
        // Nobody may hold a key to it: it must lie off the curve.
        VerifyingKey::from_bytes(&hash).is_err().then_some(SolanaKey(hash))
    })
}

/// What a token account says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::chain) struct TokenHead {
    pub mint: SolanaKey,
    pub owner: SolanaKey,
    /// In the mint's smallest unit.
    pub amount: u64,
}

impl TokenHead {
    pub fn read(data: &[u8]) -> Option<Self> {
        let (mint, rest) = data.split_first_chunk::<32>()?;
        let (owner, rest) = rest.split_first_chunk::<32>()?;
        let amount = u64::from_le_bytes(*rest.first_chunk()?);
        Some(Self { mint: SolanaKey(*mint), owner: SolanaKey(*owner), amount })
    }
}

/// A mint's decimals, from its first bytes.
pub(in crate::chain) fn decimals(mint: &[u8]) -> Option<u8> {
    const DECIMALS: usize = 44;
    const INITIALIZED: usize = 45;
    (mint.get(INITIALIZED) == Some(&1)).then(|| mint.get(DECIMALS).copied()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> SolanaKey {
        SolanaKey::parse(text).unwrap()
    }

    #[test]
    fn associated_accounts_are_where_wallets_have_them() {
        assert_eq!(ASSOCIATED_TOKEN, key("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL"));
        // As other implementations derive them, with bumps of 253 to 255.
        let usdc = key("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v");
        for (owner, in_token, in_token_2022) in [
            (
                "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM",
                "FGETo8T8wMcN2wCjav8VK6eh3dLk63evNDPxzLSJra8B",
                "GdjpegrtGwU3pgtzPivYVViSA8rmGL248qBVKzsrU3DD",
            ),
            (
                "92hQkq8kBgCUcF9yWN8URZB9RTmA4mZpDGtbiAWA74Z8",
                "Grz7PUyzWrVTsPTyDrpfyYcqZzq2AjWfbnvPECTu1A3W",
                "2nja6bgWVzmE7mD2nsg2B49mRXYWE99Rbr5C5U4jthyQ",
            ),
            (
                "opsLibxVY7Vz5eYMmSfX8cLFCFVYTtH6fr6MiifMpA7",
                "HZ2oj2Cu2uokUbRZy5v3Dbj2ZCVzigq1qaRvyD9g5p4R",
                "5Dy6FLNyWDggPEeGRheGcoA9kfrjKCArNVdmX7XExCw9",
            ),
        ] {
            for (program, account) in [(TokenProgram::Token, in_token), (TokenProgram::Token2022, in_token_2022)] {
                assert_eq!(associated_account(key(owner), program, usdc), Some(key(account)), "{owner}");
            }
        }
    }

    #[test]
    fn a_token_account_is_read_where_its_program_writes() {
        let data = [[7; 32].as_slice(), &[9; 32], &1_250_000_u64.to_le_bytes(), &[1; 93]].concat();
        let head = TokenHead { mint: SolanaKey([7; 32]), owner: SolanaKey([9; 32]), amount: 1_250_000 };
        assert_eq!(TokenHead::read(&data), Some(head));
        assert_eq!(TokenHead::read(&data[..71]), None);
    }

    #[test]
    fn a_mint_tells_its_decimals_once_it_is_set_up() {
        let mut mint = [0; HEAD];
        mint[44] = 6;
        assert_eq!(decimals(&mint), None);
        mint[45] = 1;
        assert_eq!(decimals(&mint), Some(6));
        assert_eq!(decimals(&[]), None);
    }
}
