//! Messages about wallets.

use std::time::Duration;

use super::{NOW, Named, Outside, after, before, firing};
use crate::core::ids::AccountKey;
use crate::core::severity::Severity;
use crate::core::time::Span;
use crate::core::wallet::Amount;
use crate::core::wallet::funding::{Funding, Need};
use crate::core::wallet::limits::{Levels, Limits};
use crate::core::wallet::runway::{Confidence, Outlook, Runway};
use crate::core::wallet::worth::Dollars;
use crate::slack::blocks::balance::{
    FundingView, WalletCard, WalletRow, WalletsView, funding, no_such_wallet, topped_up, wallet, wallets,
};

fn sol(text: &str) -> Amount {
    Amount::parse(text, 9).unwrap()
}

pub(super) fn messages(outside: &Outside, members: usize) -> Named {
    let falling = Outlook::Falling(Runway {
        per_day: sol("1.12").units(),
        left: Duration::from_hours(9),
        at_most: Some(Duration::from_hours(20)),
        seen: Duration::from_hours(80),
        falls: 900,
        confidence: Confidence::Medium,
    });
    let (steady, unknown) =
        (Outlook::Steady { seen: Duration::from_hours(80) }, Outlook::Unknown { seen: Duration::ZERO });
    let row = WalletRow {
        name: &outside.symbol,
        chain: &outside.name,
        group: Some("pusher"),
        symbol: "SOL",
        amount: Some(sol("0.42")),
        price: Some("143.2".parse().unwrap()),
        outlook: &falling,
        level: Some(Severity::Critical),
        unknown: None,
    };
    let few = [
        row,
        WalletRow { name: "keeper-base", symbol: "ETH", chain: "base", level: None, price: None, ..row },
        WalletRow { name: "lost", level: None, unknown: Some(&outside.error), ..row },
        WalletRow { name: "treasury", level: None, outlook: &steady, amount: Some(sol("125000")), ..row },
        WalletRow { name: "new", level: None, outlook: &unknown, ..row },
        WalletRow { name: "unread", level: None, outlook: &unknown, amount: None, ..row },
    ];
    let many: Vec<_> = few.into_iter().cycle().take(50).collect();
    let levels = Levels { warning: Some(sol("1")), critical: Some(sol("0.5")) };
    let limits = Limits { amount: levels, runway: Levels { warning: Some(Span::from_secs(172_800)), critical: None } };
    let alerts: Vec<_> = (0..members).map(|index| firing(outside, index)).collect();
    let alerts: Vec<_> = alerts.iter().map(|alert| (Some(17), alert)).collect();
    let card = WalletCard {
        row,
        limits: &limits,
        read_at: Some(before(40)),
        last_top_up: Some((before(3 * 86_400), sol("5"))),
        spent: Some((Duration::from_hours(30 * 24), sol("33.6"))),
        address: "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM",
        explorer: Some("https://solscan.io/account/9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM"),
        alerts: &alerts,
        chart: Some("F0CHART"),
        now: NOW,
    };
    let bare = WalletCard {
        row: few[5],
        limits: &Limits::default(),
        read_at: None,
        last_top_up: None,
        spent: None,
        explorer: None,
        alerts: &[],
        chart: None,
        ..card
    };
    let list = |rows: &[WalletRow], filter, page| wallets(&WalletsView { rows, filter, page });
    let need = |name: &str, chain: &str| Need {
        account: AccountKey::new(name),
        chain: chain.to_owned(),
        group: Some("pusher".to_owned()),
        symbol: "SOL".to_owned(),
        holds: sol("0.42"),
        left: Duration::from_hours(9),
        missing: sol("15.26"),
        worth: Some(Dollars(218_523)),
    };
    let mut needs = vec![need(&outside.symbol, "solana"), need("pusher-2", "solana")];
    needs.push(Need { worth: None, symbol: "ETH".to_owned(), ..need("keeper-base", "base") });
    let some = Funding { needs, fine: 9, unknown: vec![AccountKey::new(&outside.name)] };
    let crowd = Funding {
        needs: (0..400).map(|n| need(&format!("w{n}"), &format!("chain-{}", n / 10))).collect(),
        fine: 0,
        unknown: (0..100).map(|n| AccountKey::new(format!("u{n}"))).collect(),
    };
    let told =
        |found: &Funding| funding(&FundingView { funding: found, reach: Duration::from_hours(14 * 24), now: after(0) });
    vec![
        ("wallets", list(&few, None, 1)),
        ("wallets_page", list(&many, Some(&outside.comment), 2)),
        ("wallets_none", list(&[], Some(&outside.comment), 1)),
        ("wallets_unconfigured", list(&[], None, 1)),
        ("wallet", wallet(&card)),
        ("wallet_unread", wallet(&bare)),
        ("wallet_lost", wallet(&WalletCard { row: few[2], ..card })),
        ("no_such_wallet", no_such_wallet(&outside.symbol, &[&outside.name, "keeper-base"])),
        ("topped_up", topped_up(&outside.symbol, "SOL", sol("5"), sol("5.42"))),
        ("funding", told(&some)),
        ("funding_crowd", told(&crowd)),
        ("funding_none", told(&Funding { fine: 12, ..Funding::default() })),
    ]
}
