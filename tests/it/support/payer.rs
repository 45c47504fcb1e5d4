//! The hands that pay, before a real node: a hot wallet, somebody to pay, and a plan that two others agreed on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use url::Url;
use watchkeeper::chain::write::{Hands, Key, Look, Purse, Sight};
use watchkeeper::chain::{ChainReader, ChainSettings, EndpointSettings, Hosts};
use watchkeeper::clock::SharedClock;
use watchkeeper::core::action::approval::Approved;
use watchkeeper::core::action::found::{CannotPlan, Settled};
use watchkeeper::core::action::journal::{Signed, Tried};
use watchkeeper::core::action::kind::Action;
use watchkeeper::core::action::money::{HotWallet, Payment, Route};
use watchkeeper::core::action::plan::{Plan, Preview};
use watchkeeper::core::action::target::{Sort, Target};
use watchkeeper::core::wallet::watch::Watched;
use watchkeeper::core::wallet::{Account, Amount, ChainKind};
use watchkeeper::metrics::Metrics;

use super::TestClock;
use super::approval::approved;
use super::process::LIMIT;

pub struct Payer {
    hands: Hands,
    pub route: Route,
    target: Target,
}

impl Payer {
    /// `key` as its tools write it.
    pub fn new(kind: ChainKind, identity: &str, endpoints: &[&Url], key: &str, to: Account) -> Self {
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let clock: SharedClock = TestClock::new();
        let mut settings = ChainSettings::new("chain", kind, identity);
        let named = endpoints.iter().enumerate();
        settings.endpoints =
            named.map(|(nth, url)| EndpointSettings { name: format!("node-{nth}"), url: (*url).clone() }).collect();
        // A busy machine is no fault of a node's.
        (settings.timeout, settings.grace) = (LIMIT, LIMIT);
        let hosts = Hosts::new(clock.clone()).unwrap();
        let reader = ChainReader::new(settings.clone(), &hosts, clock, Arc::new(Metrics::default()));
        let key = Key::read(kind, &key.to_owned().into()).unwrap();
        let purse = Purse { name: "ops".to_owned(), chain: "chain".to_owned(), key };
        let hands = Hands::new(vec![(settings, Arc::new(reader))], vec![purse], &hosts);
        let cap = BTreeMap::from([("COIN".to_owned(), Amount::parse("1000", 0).unwrap())]);
        let hot = HotWallet {
            name: "ops".to_owned(),
            chain: "chain".to_owned(),
            to: BTreeSet::from(["it".to_owned()]),
            per_transfer: cap.clone(),
            per_day: cap,
            max_fee: None,
            confirmations: 3,
        };
        let to = Watched::new(to, "chain", "COIN");
        let target =
            Target { cluster: "chain".to_owned(), namespace: String::new(), sort: Sort::Wallet, name: "it".to_owned() };
        Self { hands, route: Route { hot, to, price: None }, target }
    }

    fn action(amount: &str) -> Action {
        Action::TopUp { amount: amount.parse().unwrap() }
    }

    pub async fn preview(&self, amount: &str) -> Result<Preview, CannotPlan> {
        self.hands.preview(&Self::action(amount), &self.target, &self.route).await
    }

    pub async fn plan(&self, amount: &str) -> Approved<Plan> {
        approved(Self::action(amount), self.target.clone(), self.preview(amount).await.unwrap())
    }

    pub async fn sign(&self, plan: &Approved<Plan>) -> Result<Signed, Tried> {
        self.hands.sign(plan, 0, &self.route).await
    }

    pub async fn send(&self, plan: &Approved<Plan>, signed: &Signed) {
        self.hands.send(plan, signed).await;
    }

    /// Long after it was tried.
    pub async fn observe(&self, plan: &Approved<Plan>, signed: &Signed, resend: bool) -> Tried {
        match self.look(plan, signed, resend).await {
            Sight::Told(tried) => tried,
            Sight::Nowhere { .. } | Sight::Shallow(_) => Tried::Unclear,
        }
    }

    pub async fn look(&self, plan: &Approved<Plan>, signed: &Signed, resend: bool) -> Sight {
        let look = Look { since: Duration::MAX, confirmations: self.route.hot.confirmations, resend };
        self.hands.observe(plan, std::slice::from_ref(signed), look).await
    }

    /// Until it is known what came of it. The node decides when: blocks come by its own clock.
    pub async fn outcome(&self, plan: &Approved<Plan>, signed: &Signed) -> Tried {
        let look = async {
            loop {
                match self.observe(plan, signed, false).await {
                    Tried::Unclear => {}
                    other => return other,
                }
            }
        };
        tokio::time::timeout(LIMIT, look).await.expect("it is known in time")
    }

    pub async fn settled(&self, plan: &Approved<Plan>, signed: &Signed) -> Settled {
        self.hands.settled(plan, signed, self.route.hot.confirmations, false).await
    }
}

/// What the plan says it comes to.
pub fn seen(preview: &Preview) -> &Payment {
    &preview.changes[0].transfer().unwrap().seen
}
