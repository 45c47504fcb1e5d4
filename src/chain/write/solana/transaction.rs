//! The instructions of a transfer, and the bytes that go over the wire.

use solana_message::{AccountMeta, Address as Key, Instruction};

use crate::chain::solana::token::ASSOCIATED_TOKEN;
use crate::core::wallet::{Asset, SolanaKey, TokenAccount};

/// What the instructions are made from.
pub(super) struct Paid {
    pub from: SolanaKey,
    pub to: SolanaKey,
    /// Where it leaves, and where it arrives: the addresses themselves, or their token accounts.
    pub source: SolanaKey,
    pub place: SolanaKey,
    pub asset: Asset,
    /// In the asset's smallest unit.
    pub units: u64,
    pub decimals: u8,
}

impl Paid {
    pub const fn from(&self) -> Key {
        key(self.from)
    }
}

const fn key(key: SolanaKey) -> Key {
    Key::new_from_array(key.0)
}

/// The system program's address is all zeros.
const SYSTEM: SolanaKey = SolanaKey([0; 32]);
/// `SystemInstruction::Transfer`, a u32.
const TRANSFER: [u8; 4] = [2, 0, 0, 0];
/// `TokenInstruction::TransferChecked`: the decimals are checked by the program.
const TRANSFER_CHECKED: u8 = 12;
/// `AssociatedTokenAccountInstruction::CreateIdempotent`: it is no error when somebody else has made it meanwhile.
const CREATE_IDEMPOTENT: u8 = 1;

/// `make_account`: the recipient's token account is not there yet.
pub(super) fn instructions(paid: &Paid, make_account: bool) -> Result<Vec<Instruction>, String> {
    let Paid { from, to, source, place, asset, units, decimals } = paid;
    let units = units.to_le_bytes();
    let (mint, program, account) = match asset {
        Asset::Native => {
            let accounts = vec![AccountMeta::new(key(*from), true), AccountMeta::new(key(*to), false)];
            let data = [TRANSFER.as_slice(), &units].concat();
            return Ok(vec![Instruction { program_id: key(SYSTEM), accounts, data }]);
        }
        Asset::Spl { mint, program, account } => (*mint, program.id(), *account),
        Asset::Erc20 { .. } | Asset::Coin { .. } => return Err(format!("{asset} is not on Solana")),
    };
    let read = |it: SolanaKey| AccountMeta::new_readonly(key(it), false);
    let mut all = Vec::new();
    if make_account {
        if account != TokenAccount::Associated {
            return Err(format!("the token account {place} does not exist"));
        }
        let accounts = vec![
            AccountMeta::new(key(*from), true),
            AccountMeta::new(key(*place), false),
            read(*to),
            read(mint),
            read(SYSTEM),
            read(program),
        ];
        all.push(Instruction { program_id: key(ASSOCIATED_TOKEN), accounts, data: vec![CREATE_IDEMPOTENT] });
    }
    let accounts = vec![
        AccountMeta::new(key(*source), false),
        read(mint),
        AccountMeta::new(key(*place), false),
        AccountMeta::new_readonly(key(*from), true),
    ];
    let data = [&[TRANSFER_CHECKED], units.as_slice(), &[*decimals]].concat();
    all.push(Instruction { program_id: key(program), accounts, data });
    Ok(all)
}

/// One signature and the message.
pub(super) fn wire(signature: &[u8; 64], message: &[u8]) -> Vec<u8> {
    [&[1], signature.as_slice(), message].concat()
}
