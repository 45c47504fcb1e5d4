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
    Legacy { each: u128 },
    Eip1559 {
        /// What the next block takes.
        base: u128,
        most: u128,
        tip: u128,
    },
}

impl Price {
    /// For each unit of gas.
    pub const fn most(&self) -> u128 {
        match self {
            Self::Legacy { each } => *each,
            Self::Eip1559 { most, .. } => *most,
        }
    }

    /// What people are asked to approve: the price moves while they read.
    pub const fn to_approve(self) -> Self {
        match self {
            // All that is offered is paid, so no more than the price of the moment is offered when it is signed.
            Self::Legacy { each } => Self::Legacy { each: each.saturating_add(each / 4) },
            Self::Eip1559 { .. } => self,
        }
    }

    /// Of what is offered lest blocks fill up, so much that it comes to no more than this.
    ///
    /// # Errors
    /// The least that might be taken, which is more.
    pub fn within(self, limit: u128) -> Result<Self, Self> {
        if self.most() <= limit {
            return Ok(self);
        }
        match self {
            Self::Legacy { .. } => Err(self),
            Self::Eip1559 { base, tip, .. } => {
                // Two full blocks in a row before it is too little.
                let least = base.saturating_add(base / 4).saturating_add(tip);
                if least <= limit {
                    Ok(Self::Eip1559 { base, most: limit, tip })
                } else {
                    Err(Self::Eip1559 { base, most: least, tip })
                }
            }
        }
    }
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
        Price::Eip1559 { base: _, most, tip } => signed(
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_offered_than_the_limit_and_never_too_little_to_be_taken() {
        let price = Price::Eip1559 { base: 100, most: 210, tip: 10 };
        assert_eq!(price.within(210), Ok(price));
        assert_eq!(price.within(135), Ok(Price::Eip1559 { base: 100, most: 135, tip: 10 }));
        assert_eq!(price.within(134).unwrap_err().most(), 135);
        let legacy = Price::Legacy { each: 8 };
        assert_eq!(legacy.to_approve().most(), 10);
        assert_eq!((legacy.within(10), legacy.within(8), legacy.within(7)), (Ok(legacy), Ok(legacy), Err(legacy)));
    }
}
