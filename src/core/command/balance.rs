//! Questions about wallets.

/// `/wk balance [name|filter] [page <n>]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// A wallet's name, or a part of what is known of several.
    pub filter: Option<String>,
    /// From 1.
    pub page: u32,
}

#[cfg(test)]
mod tests {
    use super::super::{Command, Verb, parse};
    use super::*;

    #[test]
    fn a_balance_is_asked_for_by_name_by_filter_or_altogether() {
        let ask = |filter: Option<&str>, page| Ok(Command::Balance(Ask { filter: filter.map(str::to_owned), page }));
        assert_eq!(parse("balance"), ask(None, 1));
        assert_eq!(parse("balances solana page 2"), ask(Some("solana"), 2));
        assert_eq!(parse("balance \"fee payer\""), ask(Some("fee payer"), 1));
        assert_eq!(parse("runway pusher-1"), ask(Some("pusher-1"), 1));
        assert_eq!(parse("balance pusher page 0").unwrap_err().verb, Some(Verb::Balance));
    }
}
