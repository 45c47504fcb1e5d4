//! The transaction itself, signed.

use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope, TxLegacy};
use alloy::eips::eip2718::Encodable2718 as _;
use alloy::network::TxSignerSync;
use alloy::primitives::{Address, Bytes, Signature, TxKind, U256};
use alloy::signers::local::PrivateKeySigner;

/// What is offered for gas, in the chain's smallest unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Price {
    /// Where there is no base fee.
    Legacy {
        each: u128,
    },
    Eip1559 {
        most: u128,
        tip: u128,
    },
}

/// A signed transaction.
pub(super) struct Made {
    pub hash: String,
    pub bytes: Vec<u8>,
}

#[expect(clippy::too_many_arguments, reason = "each is a field of the transaction")]
pub(super) fn made(
    key: &PrivateKeySigner,
    chain_id: u64,
    nonce: u64,
    gas_limit: u64,
    price: &Price,
    to: Address,
    value: U256,
    input: Bytes,
) -> Result<Made, String> {
    let to = TxKind::Call(to);
    match *price {
        Price::Legacy { each } => {
            let chain_id = Some(chain_id);
            signed(key, TxLegacy { chain_id, nonce, gas_price: each, gas_limit, to, value, input })
        }
        Price::Eip1559 { most, tip } => signed(
            key,
            TxEip1559 {
                chain_id,
                nonce,
                gas_limit,
                max_fee_per_gas: most,
                max_priority_fee_per_gas: tip,
                to,
                value,
                access_list: alloy::eips::eip2930::AccessList::default(),
                input,
            },
        ),
    }
}

fn signed<T>(key: &PrivateKeySigner, mut transaction: T) -> Result<Made, String>
where
    T: SignableTransaction<Signature>,
    TxEnvelope: From<alloy::consensus::Signed<T>>,
{
    // The error says nothing of the key, but nothing of use either.
    let signature =
        key.sign_transaction_sync(&mut transaction).map_err(|_| "the transaction could not be signed".to_owned())?;
    let envelope = TxEnvelope::from(transaction.into_signed(signature));
    Ok(Made { hash: envelope.tx_hash().to_string(), bytes: envelope.encoded_2718() })
}
