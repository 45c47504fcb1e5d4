//! The feeds of the local world: symbols, classes, hours and price levels as Pyth lists them.

use sha2::{Digest as _, Sha256};

use crate::core::feed::FeedId;
use crate::core::market::Schedule;

/// A feed's fixed side.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    pub id: FeedId,
    /// `Crypto.SOL/USD`
    pub symbol: String,
    /// As Hermes spells it: `crypto`, `equity` …
    pub asset_type: &'static str,
    pub description: String,
    /// `None` never closes.
    pub schedule: Option<(&'static str, Schedule)>,
    /// Where the price starts and is drawn back to, as a mantissa with `expo`.
    pub level: i64,
    pub expo: i32,
    /// Usual half-width of the confidence interval, in millionths of the price.
    pub conf_ppm: i64,
    /// Largest usual move in one round, in millionths of the price.
    pub move_ppm: i64,
}

const US_EQUITY: &str = "America/New_York;0930-1600,0930-1600,0930-1600,0930-1600,0930-1600,C,C;0101/C,0119/C,0216/C,0403/C,0525/C,\
                         0619/C,0703/C,0907/C,1126/C,1127/0930-1300,1224/0930-1300,1225/C";
const FX: &str = "America/New_York;O,O,O,O,0000-1700,C,1700-2400;0101/C,1225/C";
const METAL: &str = "America/New_York;0000-1700&1800-2400,0000-1700&1800-2400,0000-1700&1800-2400,0000-1700&1800-2400,0000-1700,C,\
                     1800-2400;0101/C,1225/C";
const RATES: &str = "America/New_York;0800-1700,0800-1700,0800-1700,0800-1700,0800-1700,C,C;0101/C,0704/C,1225/C";

/// Class: asset type, symbol prefix, schedule, expo, conf and move in millionths.
type Class = (&'static str, &'static str, Option<&'static str>, i32, i64, i64);
const CRYPTO: Class = ("crypto", "Crypto", None, -8, 450, 300);
const STABLE: Class = ("crypto", "Crypto", None, -8, 90, 12);
const EQUITY: Class = ("equity", "Equity.US", Some(US_EQUITY), -5, 300, 200);
const CURRENCY: Class = ("fx", "FX", Some(FX), -5, 80, 40);
const BULLION: Class = ("metal", "Metal", Some(METAL), -3, 200, 120);
const YIELD: Class = ("rates", "Rates", Some(RATES), -5, 500, 100);
const ENERGY: Class = ("commodities", "Commodities", Some(METAL), -5, 350, 250);

/// Level in millionths of the quote currency.
const TABLE: &[(Class, &str, &str, i64)] = &[
    (CRYPTO, "BTC/USD", "BITCOIN / US DOLLAR", 91_250_000_000),
    (CRYPTO, "ETH/USD", "ETHEREUM / US DOLLAR", 3_040_000_000),
    (CRYPTO, "SOL/USD", "SOLANA / US DOLLAR", 142_300_000),
    (CRYPTO, "BNB/USD", "BNB / US DOLLAR", 874_000_000),
    (CRYPTO, "XRP/USD", "XRP / US DOLLAR", 2_210_000),
    (CRYPTO, "DOGE/USD", "DOGECOIN / US DOLLAR", 151_400),
    (CRYPTO, "ADA/USD", "CARDANO / US DOLLAR", 428_000),
    (CRYPTO, "AVAX/USD", "AVALANCHE / US DOLLAR", 14_600_000),
    (CRYPTO, "LINK/USD", "CHAINLINK / US DOLLAR", 13_100_000),
    (CRYPTO, "DOT/USD", "POLKADOT / US DOLLAR", 2_290_000),
    (CRYPTO, "LTC/USD", "LITECOIN / US DOLLAR", 84_700_000),
    (CRYPTO, "ATOM/USD", "COSMOS / US DOLLAR", 2_480_000),
    (CRYPTO, "UNI/USD", "UNISWAP / US DOLLAR", 6_150_000),
    (CRYPTO, "AAVE/USD", "AAVE / US DOLLAR", 187_000_000),
    (CRYPTO, "ARB/USD", "ARBITRUM / US DOLLAR", 213_000),
    (CRYPTO, "OP/USD", "OPTIMISM / US DOLLAR", 312_000),
    (CRYPTO, "SUI/USD", "SUI / US DOLLAR", 1_540_000),
    (CRYPTO, "APT/USD", "APTOS / US DOLLAR", 2_350_000),
    (CRYPTO, "NEAR/USD", "NEAR PROTOCOL / US DOLLAR", 1_860_000),
    (CRYPTO, "INJ/USD", "INJECTIVE / US DOLLAR", 5_930_000),
    (CRYPTO, "TIA/USD", "CELESTIA / US DOLLAR", 648_000),
    (CRYPTO, "JUP/USD", "JUPITER / US DOLLAR", 236_000),
    (CRYPTO, "JTO/USD", "JITO / US DOLLAR", 484_000),
    (CRYPTO, "PYTH/USD", "PYTH NETWORK / US DOLLAR", 74_200),
    (CRYPTO, "WIF/USD", "DOGWIFHAT / US DOLLAR", 391_000),
    (STABLE, "USDC/USD", "USD COIN / US DOLLAR", 999_900),
    (STABLE, "USDT/USD", "TETHER / US DOLLAR", 1_000_100),
    (EQUITY, "AAPL/USD", "APPLE INC / US DOLLAR", 276_970_000),
    (EQUITY, "MSFT/USD", "MICROSOFT CORP / US DOLLAR", 485_500_000),
    (EQUITY, "NVDA/USD", "NVIDIA CORP / US DOLLAR", 180_260_000),
    (EQUITY, "TSLA/USD", "TESLA INC / US DOLLAR", 426_580_000),
    (EQUITY, "AMZN/USD", "AMAZON.COM INC / US DOLLAR", 229_160_000),
    (EQUITY, "SPY/USD", "SPDR S&P 500 ETF TRUST / US DOLLAR", 679_680_000),
    (CURRENCY, "EUR/USD", "EURO / US DOLLAR", 1_159_400),
    (CURRENCY, "GBP/USD", "BRITISH POUND / US DOLLAR", 1_323_700),
    (CURRENCY, "USD/JPY", "US DOLLAR / JAPANESE YEN", 156_180_000),
    (CURRENCY, "USD/CHF", "US DOLLAR / SWISS FRANC", 804_600),
    (CURRENCY, "AUD/USD", "AUSTRALIAN DOLLAR / US DOLLAR", 654_800),
    (BULLION, "XAU/USD", "GOLD / US DOLLAR", 4_216_000_000),
    (BULLION, "XAG/USD", "SILVER / US DOLLAR", 53_400_000),
    (YIELD, "US10Y", "US 10-YEAR TREASURY YIELD", 4_015_000),
    (ENERGY, "WTI", "WTI CRUDE OIL / US DOLLAR", 58_650_000),
    (ENERGY, "BRENT", "BRENT CRUDE OIL / US DOLLAR", 62_840_000),
];

/// Real ids of the best known feeds (<https://docs.pyth.network/price-feeds/core/price-feeds/price-feed-ids>).
const KNOWN: &[(&str, &str)] = &[
    ("Crypto.BTC/USD", "e62df6c8b4a85fe1a67db44dc12de5db330f7ac66b72dc658afedf0f4a415b43"),
    ("Crypto.ETH/USD", "ff61491a931112ddf1bd8147cd1b641375f79f5825126d665480874634fd0ace"),
    ("Crypto.SOL/USD", "ef0d8b6fda2ceba41da15d4095d1da392a0d2f8ed0c6c7bc0f4cfac8c280b56d"),
];

/// The 43 feeds of the local world.
pub(super) fn world() -> Vec<Listing> {
    TABLE.iter().filter_map(|(class, name, description, micros)| listing(*class, name, description, *micros)).collect()
}

/// `count` feeds that never close, for measuring.
pub(super) fn synthetic(count: usize) -> Vec<Listing> {
    let level = |index: usize| i64::try_from(index).unwrap_or(0).saturating_mul(370_000).saturating_add(1_000_000);
    (0..count)
        .filter_map(|i| listing(CRYPTO, &format!("S{i:04}/USD"), &format!("SYNTHETIC {i} / US DOLLAR"), level(i)))
        .collect()
}

fn listing(class: Class, name: &str, description: &str, micros: i64) -> Option<Listing> {
    let (asset_type, prefix, schedule, expo, conf_ppm, move_ppm) = class;
    let symbol = format!("{prefix}.{name}");
    let known = KNOWN.iter().find(|(listed, _)| *listed == symbol);
    let id = known.map_or_else(|| hex::encode(Sha256::digest(&symbol)), |(_, id)| (*id).to_owned());
    let scale = 10i64.checked_pow((expo + 6).unsigned_abs())?;
    Some(Listing {
        id: id.parse().ok()?,
        symbol,
        asset_type,
        description: description.to_owned(),
        schedule: match schedule {
            Some(text) => Some((text, text.parse().ok()?)),
            None => None,
        },
        level: if expo < -6 { micros.checked_mul(scale)? } else { micros / scale },
        expo,
        conf_ppm,
        move_ppm,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_listed_feed_has_its_own_id_and_a_price() {
        let all = world();
        assert_eq!(all.len(), TABLE.len());
        assert!(all.iter().all(|listing| listing.level > 500));
        let ids: HashSet<_> = all.iter().chain(&synthetic(3000)).map(|listing| listing.id).collect();
        assert_eq!(ids.len(), TABLE.len() + 3000);
    }
}
