//! What the demo's wallets hold, and the keeper that runs dry and is topped up over and over.

use super::{WAITS, World};

/// One wallet of the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purse {
    pub name: &'static str,
    /// `solana` or `base`.
    pub chain: &'static str,
    pub address: &'static str,
    pub group: &'static str,
    /// At the start, in base units.
    pub units: u128,
    pub per_hour: u128,
}

const SOL: u128 = 1_000_000_000;
const ETH: u128 = 1_000_000_000_000_000_000;

/// The first is the one that runs dry: at the start it has eleven minutes.
pub const DEMO: &[Purse] = &[
    Purse {
        name: "keeper-solana",
        chain: "solana",
        address: "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM",
        group: "keeper",
        units: 11 * SOL / 10,
        per_hour: 6 * SOL,
    },
    Purse {
        name: "pusher-solana",
        chain: "solana",
        address: "4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4T",
        group: "pusher",
        units: 84 * SOL,
        per_hour: SOL / 8,
    },
    Purse {
        name: "treasury",
        chain: "solana",
        address: "7UX2i7SucgLMQcfZ75s3VXmZZY4YRUyJN9X1RgfMoDUi",
        group: "treasury",
        units: 12_500 * SOL,
        per_hour: 0,
    },
    Purse {
        name: "pusher-base",
        chain: "base",
        address: "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
        group: "pusher",
        units: 2 * ETH,
        per_hour: ETH / 400,
    },
    Purse {
        name: "fee-payer-base",
        chain: "base",
        address: "0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359",
        group: "fee payer",
        units: 3 * ETH / 4,
        per_hour: ETH / 900,
    },
];

/// How the keeper's money goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// It runs dry, and is topped up when everybody has read of it.
    RunsDry,
    /// Everything lasts for weeks.
    Calm,
}

pub(super) async fn play(world: &World, script: Script) {
    let [keeper, ..] = DEMO else { return };
    match script {
        Script::Calm => world.set(keeper.address, 100 * SOL, SOL / 10),
        Script::RunsDry => loop {
            world.clock.sleep(WAITS).await;
            top_up(world);
        },
    }
}

/// Gives the keeper what it had at the start.
pub(super) fn top_up(world: &World) {
    let [keeper, ..] = DEMO else { return };
    let held = world.holds(keeper.address).unwrap_or_default();
    world.top_up(keeper.address, (2 * keeper.units).saturating_sub(held));
}
