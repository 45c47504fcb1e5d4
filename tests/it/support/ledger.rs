//! A Solana and an EVM chain that take transactions, three endpoints each, on loopback. Signatures are checked, a transaction
//! counts once however often it comes, and everything that came is kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use alloy::consensus::{Transaction as _, TxEnvelope};
use alloy::eips::eip2718::Decodable2718 as _;
use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use url::Url;
use watchkeeper::clock::Clock;
use watchkeeper::core::wallet::{SolanaKey, base58};

use super::TestClock;

pub const GENESIS: &str = "4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi";
pub const CHAIN_ID: u64 = 8453;
/// The first account of every development node.
pub const EVM_KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
pub const EVM_HOT: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const RENT: u64 = 890_880;
/// Blocks that a blockhash lasts, and until one is final.
const LASTS: u64 = 150;
const FINAL: u64 = 32;

/// Where a transaction stops on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// It has come and is not taken.
    Before,
    /// It is taken, and nobody hears of it.
    After,
}

/// What becomes of a transaction that is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mining {
    /// It is in a block at once.
    #[default]
    Prompt,
    /// It is forgotten.
    Lost,
    /// It waits for a block that does not come.
    Pending,
    /// It is in a block and failed.
    Failing,
}

#[derive(Default)]
struct Book {
    holds: BTreeMap<String, u128>,
    /// In which blocks their transactions are.
    nonces: BTreeMap<String, Vec<u64>>,
    pending: BTreeMap<String, u64>,
    /// By signature or hash: in which block, and how.
    landed: BTreeMap<String, (u64, bool)>,
    /// Every signature and hash that ever came, once each.
    seen: Vec<String>,
    sends: usize,
    mining: Mining,
    hold: Option<Hold>,
    down: bool,
    /// What was sent and is in no block: who pays whom how much.
    waiting: BTreeMap<String, (String, String, u128)>,
    /// Instead of 1 gwei.
    base_fee: Option<u128>,
    /// No newer blockhash than of this block is told.
    hash_of: Option<u64>,
    /// The first endpoint says of blockhashes that they are over at once, and the last says nothing of them.
    lies: bool,
    /// Whoever is asked for a receipt has not heard of that block yet.
    behind: bool,
}

struct Inner {
    clock: OnceLock<Arc<TestClock>>,
    book: Mutex<Book>,
    held: watch::Sender<u64>,
}

#[derive(Clone)]
pub struct Ledger {
    inner: Arc<Inner>,
    base: Url,
}

pub fn solana_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// The hot wallet on Solana.
pub fn solana_hot() -> String {
    SolanaKey(solana_key().verifying_key().to_bytes()).to_string()
}

/// As base58, the way wallets export it.
pub fn solana_secret() -> String {
    base58::encode(&solana_key().to_keypair_bytes())
}

impl Ledger {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let inner = Arc::new(Inner { clock: OnceLock::new(), book: Mutex::default(), held: watch::Sender::new(0) });
        let router = Router::new().route("/{kind}/{endpoint}", post(answer)).with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { inner, base }
    }

    /// Blocks go by this clock from now on.
    pub fn follow(&self, clock: Arc<TestClock>) {
        let _already = self.inner.clock.set(clock);
    }

    pub fn endpoints(&self, kind: &str) -> Vec<Url> {
        (0..3).map(|nth| self.base.join(&format!("{kind}/{nth}")).unwrap()).collect()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.inner.book.lock().unwrap()
    }

    pub fn set(&self, address: &str, units: u128) {
        self.book().holds.insert(address.to_lowercase(), units);
    }

    pub fn holds(&self, address: &str) -> u128 {
        self.book().holds.get(&address.to_lowercase()).copied().unwrap_or_default()
    }

    /// Different transactions that came, whatever became of them.
    pub fn seen(&self) -> usize {
        self.book().seen.len()
    }

    /// How often one came, repetitions counted.
    pub fn sends(&self) -> usize {
        self.book().sends
    }

    /// Different transactions that are in a block and went through.
    pub fn landed(&self) -> usize {
        self.book().landed.values().filter(|(_, well)| *well).count()
    }

    pub fn mining(&self, mining: Mining) {
        self.book().mining = mining;
    }

    pub fn down(&self, down: bool) {
        self.book().down = down;
    }

    /// From now on whatever is sent stops there, until [`Self::release`].
    pub fn hold(&self, when: Hold) {
        self.book().hold = Some(when);
    }

    pub fn release(&self) {
        self.book().hold = None;
    }

    pub fn held(&self) -> u64 {
        *self.inner.held.borrow()
    }

    pub async fn until_held(&self, before: u64) {
        self.inner.held.subscribe().wait_for(|held| *held > before).await.unwrap();
    }

    /// Another transaction of the EVM hot wallet takes the next nonce.
    pub fn take_nonce(&self) {
        let height = self.inner.height(2000);
        let mut book = self.book();
        book.nonces.entry(EVM_HOT.to_lowercase()).or_default().push(height);
        book.pending.clear();
    }

    pub fn base_fee(&self, wei: u128) {
        self.book().base_fee = Some(wei);
    }

    /// From now on the blockhash stays as it is, or goes on.
    pub fn stand_still(&self, still: bool) {
        self.book().hash_of = still.then(|| self.inner.height(400));
    }

    pub fn lies(&self) {
        self.book().lies = true;
    }

    pub fn behind(&self, behind: bool) {
        self.book().behind = behind;
    }

    /// What was sent on Solana and was in no block is in one now, however late.
    pub fn land_late(&self) {
        let height = self.inner.height(400);
        let mut book = self.book();
        book.mining = Mining::Prompt;
        for (id, (from, to, units)) in std::mem::take(&mut book.waiting) {
            book.take(&id, &from, &to, units, height);
        }
    }

    /// The blocks with the EVM hot wallet's transactions are dropped, and what was in them with them.
    pub fn drop_blocks(&self, to: &str, units: u128) {
        let mut book = self.book();
        book.nonces.clear();
        book.landed.clear();
        *book.holds.get_mut(&EVM_HOT.to_lowercase()).unwrap() += units;
        *book.holds.get_mut(&to.to_lowercase()).unwrap() -= units;
    }
}

type Said = Result<Value, (i64, String)>;

async fn answer(
    State(inner): State<Arc<Inner>>,
    Path((kind, endpoint)): Path<(String, usize)>,
    Json(body): Json<Value>,
) -> Json<Value> {
    if inner.book.lock().unwrap().down {
        std::future::pending::<()>().await;
    }
    match body {
        Value::Array(calls) => {
            let mut said = Vec::new();
            for call in &calls {
                said.push(one(&inner, &kind, endpoint, call).await);
            }
            Json(Value::Array(said))
        }
        call => Json(one(&inner, &kind, endpoint, &call).await),
    }
}

async fn one(inner: &Inner, kind: &str, endpoint: usize, call: &Value) -> Value {
    let (method, params) = (call["method"].as_str().unwrap_or_default(), &call["params"]);
    let sends = ["sendTransaction", "eth_sendRawTransaction"].contains(&method);
    if sends {
        hold(inner, Hold::Before).await;
    }
    let said = if kind == "solana" { inner.solana(endpoint, method, params) } else { inner.evm(method, params) };
    if sends {
        hold(inner, Hold::After).await;
    }
    match said {
        Ok(result) => json!({"jsonrpc": "2.0", "id": call["id"], "result": result}),
        Err((code, message)) => {
            json!({"jsonrpc": "2.0", "id": call["id"], "error": {"code": code, "message": message}})
        }
    }
}

async fn hold(inner: &Inner, when: Hold) {
    if inner.book.lock().unwrap().hold == Some(when) {
        inner.held.send_modify(|held| *held += 1);
        std::future::pending::<()>().await;
    }
}

impl Inner {
    fn height(&self, millis: u64) -> u64 {
        self.clock.get().map_or(1_000_000, |clock| clock.now().as_millis().unsigned_abs() / millis)
    }

    fn solana(&self, endpoint: usize, method: &str, params: &Value) -> Said {
        let height = self.height(400);
        let context = json!({"slot": height});
        let mut book = self.book.lock().unwrap();
        match method {
            "getGenesisHash" => Ok(json!(GENESIS)),
            "getMultipleAccounts" => {
                let keys = params[0].as_array().unwrap();
                let accounts: Vec<Value> = keys
                    .iter()
                    .map(|key| match book.holds.get(&key.as_str().unwrap().to_lowercase()) {
                        Some(0) | None => Value::Null,
                        Some(units) => json!({
                            "lamports": u64::try_from(*units).unwrap(), "executable": false, "data": ["", "base64"],
                            "owner": "11111111111111111111111111111111",
                        }),
                    })
                    .collect();
                Ok(json!({"context": context, "value": accounts}))
            }
            "getMinimumBalanceForRentExemption" => Ok(json!(RENT)),
            "getBlockHeight" => Ok(json!(height - FINAL)),
            "getLatestBlockhash" if book.lies && endpoint == 2 => Err((-32000, "no".to_owned())),
            "getLatestBlockhash" => {
                let height = book.hash_of.unwrap_or(height);
                let mut hash = [9; 32];
                hash[..8].copy_from_slice(&(height + LASTS).to_le_bytes());
                let lasts = if book.lies && endpoint == 0 { 1 } else { height + LASTS };
                let value = json!({"blockhash": base58::encode(&hash), "lastValidBlockHeight": lasts});
                Ok(json!({"context": context, "value": value}))
            }
            "simulateTransaction" => {
                let sent = Sent::read(params);
                let after =
                    book.holds.get(&sent.to.to_lowercase()).copied().unwrap_or_default() + u128::from(sent.units);
                let poor = book.holds.get(&sent.from.to_lowercase()).copied().unwrap_or_default() < sent.units.into();
                let accounts = json!([{"lamports": u64::try_from(after).unwrap(), "data": ["", "base64"]}]);
                let err = if poor { json!({"InstructionError": [0, {"Custom": 1}]}) } else { Value::Null };
                let value = json!({"err": err, "logs": [], "unitsConsumed": 150, "accounts": accounts});
                Ok(json!({"context": context, "value": value}))
            }
            "sendTransaction" => {
                let sent = Sent::read(params);
                sent.verify();
                if height > sent.last_valid {
                    return Err((-32002, "Blockhash not found".to_owned()));
                }
                book.sends += 1;
                let id = sent.id.clone();
                if book.comes(&id) {
                    book.take(&id, &sent.from.to_lowercase(), &sent.to.to_lowercase(), sent.units.into(), height);
                }
                Ok(json!(id))
            }
            "getSignatureStatuses" => {
                let status = |id: &Value| match book.landed.get(id.as_str().unwrap()) {
                    None => Value::Null,
                    Some((at, well)) => json!({
                        "slot": at, "confirmations": null, "err": if *well { Value::Null } else { json!("AccountInUse") },
                        "confirmationStatus": if height - at >= FINAL { "finalized" } else { "confirmed" },
                    }),
                };
                let value: Vec<Value> = params[0].as_array().unwrap().iter().map(status).collect();
                Ok(json!({"context": context, "value": value}))
            }
            other => Err((-32601, format!("no method {other}"))),
        }
    }

    fn evm(&self, method: &str, params: &Value) -> Said {
        let height = self.height(2000);
        let hex = |number: u128| json!(format!("{number:#x}"));
        let mut book = self.book.lock().unwrap();
        let text = |nth: usize| params[nth].as_str().unwrap_or_default().to_lowercase();
        match method {
            "eth_chainId" => Ok(hex(CHAIN_ID.into())),
            "eth_blockNumber" => Ok(hex(height.into())),
            "eth_getCode" | "eth_call" => Ok(json!("0x")),
            "eth_getBalance" => Ok(hex(book.holds.get(&text(0)).copied().unwrap_or_default())),
            "eth_getTransactionCount" => {
                let until = u64::from_str_radix(text(1).trim_start_matches("0x"), 16).unwrap_or(height);
                let of = book.nonces.get(&text(0)).into_iter().flatten();
                let mined = of.filter(|at| **at <= until).count() as u64;
                let waits = book.pending.get(&text(0)).map_or(mined, |nonce| nonce + 1);
                Ok(hex(if text(1) == "pending" { waits.max(mined) } else { mined }.into()))
            }
            "eth_estimateGas" => Ok(hex(21_000)),
            "eth_getBlockByNumber" => {
                Ok(json!({"number": hex(height.into()), "baseFeePerGas": hex(book.base_fee.unwrap_or(1_000_000_000))}))
            }
            "eth_maxPriorityFeePerGas" => Ok(hex(1_000_000_000)),
            "eth_sendRawTransaction" => {
                let bytes = hex::decode(text(0).trim_start_matches("0x")).unwrap();
                let sent = TxEnvelope::decode_2718(&mut bytes.as_slice()).unwrap();
                let from = sent.signature().recover_address_from_prehash(&sent.signature_hash()).unwrap();
                let (from, id) = (from.to_string().to_lowercase(), sent.tx_hash().to_string());
                book.sends += 1;
                assert_eq!(sent.chain_id(), Some(CHAIN_ID));
                let next = book.nonces.get(&from).map_or(0, Vec::len) as u64;
                if sent.nonce() < next {
                    return Err((-32000, "nonce too low".to_owned()));
                }
                if book.comes(&id) {
                    let to = sent.to().unwrap().to_string().to_lowercase();
                    if book.mining == Mining::Pending {
                        book.pending.insert(from.clone(), sent.nonce());
                    }
                    if book.take(&id, &from, &to, u128::try_from(sent.value()).unwrap(), height) {
                        book.nonces.entry(from).or_default().push(height);
                    }
                }
                Ok(json!(id))
            }
            "eth_getTransactionReceipt" if book.behind => Ok(Value::Null),
            "eth_getTransactionReceipt" => Ok(match book.landed.get(&text(0)) {
                None => Value::Null,
                Some((at, well)) => {
                    json!({"status": if *well { "0x1" } else { "0x0" }, "blockNumber": hex((*at).into())})
                }
            }),
            other => Err((-32601, format!("no method {other}"))),
        }
    }
}

impl Book {
    /// Whether it is to be worked on: one that is in a block already, or waits for one, is not.
    fn comes(&mut self, id: &str) -> bool {
        if !self.seen.iter().any(|known| known == id) {
            self.seen.push(id.to_owned());
        }
        !self.landed.contains_key(id)
    }

    fn take(&mut self, id: &str, from: &str, to: &str, units: u128, height: u64) -> bool {
        match self.mining {
            Mining::Lost | Mining::Pending => {
                self.waiting.insert(id.to_owned(), (from.to_owned(), to.to_owned(), units));
                return false;
            }
            Mining::Failing => drop(self.landed.insert(id.to_owned(), (height, false))),
            Mining::Prompt => {
                *self.holds.entry(from.to_owned()).or_default() -= units;
                *self.holds.entry(to.to_owned()).or_default() += units;
                self.landed.insert(id.to_owned(), (height, true));
            }
        }
        true
    }
}

/// A transfer of SOL, taken apart.
struct Sent {
    id: String,
    signature: [u8; 64],
    message: Vec<u8>,
    from: String,
    to: String,
    last_valid: u64,
    units: u64,
}

impl Sent {
    fn read(params: &Value) -> Self {
        let bytes = base64::engine::general_purpose::STANDARD.decode(params[0].as_str().unwrap()).unwrap();
        assert_eq!(bytes[0], 1, "one signature");
        let (signature, message) = (bytes[1..65].try_into().unwrap(), bytes[65..].to_vec());
        let keys = usize::from(message[3]);
        let key = |nth: usize| SolanaKey(message[4 + 32 * nth..][..32].try_into().unwrap()).to_string();
        let hash = &message[4 + 32 * keys..][..32];
        Self {
            id: base58::encode(&bytes[1..65]),
            signature,
            from: key(0),
            to: key(1),
            last_valid: u64::from_le_bytes(hash[..8].try_into().unwrap()),
            units: u64::from_le_bytes(message[message.len() - 8..].try_into().unwrap()),
            message,
        }
    }

    fn verify(&self) {
        let key = VerifyingKey::from_bytes(self.message[4..36].try_into().unwrap()).unwrap();
        key.verify_strict(&self.message, &Signature::from_bytes(&self.signature)).expect("a good signature");
    }
}
