//! Takes inputs in: what comes at the same time shares one commit, so that an acknowledgement costs a fraction of a
//! disk flush and still means "on disk".

use std::collections::HashSet;
use std::time::Duration;

use sqlx::Arguments as _;
use sqlx::any::AnyArguments;
use sqlx::error::BoxDynError;
use tokio::sync::{mpsc, oneshot};

use crate::core::time::Timestamp;

use super::session::{kept, marks};
use super::{Store, StoreError};

/// An input to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewInput {
    /// What is the same for every delivery of the same thing: `event_id`, `trigger_id`, view id and hash.
    pub key: String,
    pub kind: String,
    pub payload: String,
    pub received_at: Timestamp,
    /// It needs no further work: kept only so that duplicates are known.
    pub done: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    New,
    /// It was received before: acknowledge it and do nothing.
    Duplicate,
}

/// A handle to the task that writes; cheap to clone. The task ends when the last handle is dropped.
#[derive(Clone, Debug)]
pub struct Intake {
    to_writer: mpsc::Sender<Waiting>,
    limit: Duration,
}

struct Waiting {
    input: NewInput,
    answer: oneshot::Sender<Result<Receipt, StoreError>>,
}

/// A commit of 128 rows takes little longer than one of a single row.
const BATCH: usize = 128;

/// After so many turns of the runtime without another input nobody is on the way.
const QUIET_TURNS: u32 = 3;

/// Slack waits 3 s for an answer: before that, people should be told that it did not work.
const PATIENCE: Duration = Duration::from_secs(2);

impl Intake {
    #[must_use]
    pub fn start(store: Store) -> Self {
        let limit = store.limit().min(PATIENCE);
        let (to_writer, inputs) = mpsc::channel(8 * BATCH);
        tokio::spawn(write(store, inputs));
        Self { to_writer, limit }
    }

    /// Returns when the input is on disk, or known to have been there before.
    ///
    /// # Errors
    /// `Unavailable` when the database did not take it within 2 s (or the store's shorter limit). One that was being
    /// written at that moment may still arrive; delivered again it is then a duplicate.
    pub async fn receive(&self, input: NewInput) -> Result<Receipt, StoreError> {
        let stopped = || StoreError::Unavailable("the intake has stopped".to_owned());
        let (answer, answered) = oneshot::channel();
        let received = async {
            self.to_writer.send(Waiting { input, answer }).await.map_err(|_| stopped())?;
            answered.await.map_err(|_| stopped())?
        };
        let late = |_| StoreError::Unavailable(format!("the input was not written within {:?}", self.limit));
        tokio::time::timeout(self.limit, received).await.map_err(late)?
    }
}

async fn write(store: Store, mut inputs: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::with_capacity(BATCH);
    while inputs.recv_many(&mut batch, BATCH).await > 0 {
        gather(&mut inputs, &mut batch).await;
        // Who was told "try again" must not find it done twice.
        batch.retain(|waiting: &Waiting| !waiting.answer.is_closed());
        if batch.is_empty() {
            continue;
        }
        match insert(&store, batch.iter().map(|waiting| &waiting.input)).await {
            Ok(fresh) => answer(&mut batch, fresh),
            Err(StoreError::Unavailable(_)) => once_more(&store, &mut batch).await,
            // One of them is not acceptable (a NUL character on Postgres): it must not take the others with it.
            Err(_) => {
                for waiting in batch.drain(..) {
                    let fresh = insert(&store, std::iter::once(&waiting.input)).await;
                    let _ = waiting.answer.send(fresh.map(|mut fresh| fresh.receipt(&waiting.input.key)));
                }
            }
        }
    }
}

/// The answer may be all that was lost, and whoever is told that nothing was recorded must not find it done. What is found
/// there now is taken for new: had it been there before, working on it would end with "done already".
async fn once_more(store: &Store, batch: &mut Vec<Waiting>) {
    batch.retain(|waiting| !waiting.answer.is_closed());
    if batch.is_empty() {
        return;
    }
    let written = insert(store, batch.iter().map(|waiting| &waiting.input)).await;
    for waiting in batch.drain(..) {
        let receipt = match &written {
            Ok(_) => Ok(Receipt::New),
            Err(error) => Err(StoreError::Unavailable(error.to_string())),
        };
        let _ = waiting.answer.send(receipt);
    }
}

/// Lets those who are just being read come along: left behind, they would wait for this commit and then for their own.
/// Costs no time when nobody else comes.
async fn gather(inputs: &mut mpsc::Receiver<Waiting>, batch: &mut Vec<Waiting>) {
    let mut quiet = 0;
    while quiet < QUIET_TURNS && batch.len() < BATCH {
        tokio::task::yield_now().await;
        let before = batch.len();
        while batch.len() < BATCH
            && let Ok(waiting) = inputs.try_recv()
        {
            batch.push(waiting);
        }
        quiet = if batch.len() == before { quiet + 1 } else { 0 };
    }
}

/// Of several with one key in a batch, the first is the new one.
fn answer(batch: &mut Vec<Waiting>, mut fresh: Fresh) {
    for Waiting { input, answer } in batch.drain(..) {
        // A caller that stopped waiting does not mind.
        let _ = answer.send(Ok(fresh.receipt(&input.key)));
    }
}

/// Which inputs were not there before.
enum Fresh {
    All,
    Only(HashSet<String>),
}

impl Fresh {
    fn receipt(&mut self, key: &str) -> Receipt {
        let new = match self {
            Self::All => true,
            Self::Only(keys) => keys.remove(key),
        };
        if new { Receipt::New } else { Receipt::Duplicate }
    }
}

/// One statement, which is its own transaction. As a rule nothing came before, and then "done" is all that has to come back:
/// a row for each key costs more than the insert. When the database refuses that, they are told apart.
async fn insert<'a>(store: &Store, inputs: impl Iterator<Item = &'a NewInput> + Clone) -> Result<Fresh, StoreError> {
    let (all, arguments) = values(inputs.clone())?;
    let kept = kept(inputs.clone().count());
    let plain = sqlx::query_with(sqlx::AssertSqlSafe(all), arguments).persistent(kept);
    match store.writer().await?.execute(plain).await {
        Ok(_) => return Ok(Fresh::All),
        Err(StoreError::Refused(_)) => {}
        Err(error) => return Err(error),
    }
    let (all, arguments) = values(inputs)?;
    let telling = format!("{all} ON CONFLICT (key) DO NOTHING RETURNING key");
    let telling = sqlx::query_as_with(sqlx::AssertSqlSafe(telling), arguments).persistent(kept);
    let fresh: Vec<(String,)> = store.writer().await?.all(telling).await?;
    Ok(Fresh::Only(fresh.into_iter().map(|(key,)| key).collect()))
}

/// The statement that inserts them, and what it binds.
fn values<'a>(inputs: impl Iterator<Item = &'a NewInput>) -> Result<(String, AnyArguments), StoreError> {
    let (mut arguments, mut rows) = (AnyArguments::default(), 0);
    for input in inputs {
        bind(&mut arguments, input).map_err(sqlx::Error::Encode)?;
        rows += 1;
    }
    let columns = "key, kind, payload, received_at, not_before, finished_at, outcome";
    Ok((format!("INSERT INTO inbox ({columns}) VALUES {}", marks(rows, 7)), arguments))
}

fn bind(arguments: &mut AnyArguments, input: &NewInput) -> Result<(), BoxDynError> {
    let NewInput { key, kind, payload, received_at, done } = input;
    let at = received_at.as_millis();
    arguments.add(key.as_str())?;
    arguments.add(kind.as_str())?;
    arguments.add(payload.as_str())?;
    arguments.add(at)?;
    arguments.add(at)?;
    arguments.add(done.then_some(at))?;
    arguments.add(done.then_some("received"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::super::inbox;
    use super::super::testing::{Fresh, on_both_databases};
    use super::*;

    on_both_databases!(
        a_second_delivery_is_a_duplicate,
        of_many_deliveries_at_once_one_is_new,
        one_unacceptable_input_does_not_take_others_with_it,
        an_input_that_is_done_waits_for_nobody,
        a_closed_store_answers_with_an_error,
    );

    fn input(db: &Fresh, key: &str) -> NewInput {
        NewInput { key: key.into(), kind: "event".into(), payload: "{}".into(), received_at: db.now, done: false }
    }

    async fn a_second_delivery_is_a_duplicate(db: Fresh) {
        let intake = Intake::start(db.store.clone());
        assert_eq!(intake.receive(input(&db, "Ev1")).await.unwrap(), Receipt::New);
        assert_eq!(intake.receive(input(&db, "Ev1")).await.unwrap(), Receipt::Duplicate);
    }

    async fn of_many_deliveries_at_once_one_is_new(db: Fresh) {
        let intake = Intake::start(db.store.clone());
        let new = Arc::new(AtomicU32::new(0));
        let deliveries: Vec<_> = (0..400)
            .map(|n| {
                let (intake, input, new) = (intake.clone(), input(&db, &format!("Ev{}", n % 100)), Arc::clone(&new));
                tokio::spawn(async move {
                    let receipt = intake.receive(input).await.unwrap();
                    new.fetch_add(u32::from(receipt == Receipt::New), Ordering::Relaxed);
                })
            })
            .collect();
        for delivery in deliveries {
            delivery.await.unwrap();
        }
        assert_eq!(new.load(Ordering::Relaxed), 100);
        assert_eq!(inbox::counts(&db.store).await.unwrap().waiting, 100);
    }

    async fn one_unacceptable_input_does_not_take_others_with_it(db: Fresh) {
        let intake = Intake::start(db.store.clone());
        intake.receive(input(&db, "known")).await.unwrap();
        let inputs = ["a", "nul\0", "b", "known"].map(|key| input(&db, key));
        let receipts = futures_util::future::join_all(inputs.map(|input| intake.receive(input))).await;
        let acceptable = [0, 2, 3].map(|index: usize| *receipts[index].as_ref().unwrap());
        assert_eq!(acceptable, [Receipt::New, Receipt::New, Receipt::Duplicate]);
        assert!(inbox::counts(&db.store).await.unwrap().waiting >= 3);
    }

    async fn an_input_that_is_done_waits_for_nobody(db: Fresh) {
        let intake = Intake::start(db.store.clone());
        intake.receive(NewInput { done: true, ..input(&db, "a") }).await.unwrap();
        assert_eq!(inbox::counts(&db.store).await.unwrap().waiting, 0);
        assert_eq!(intake.receive(input(&db, "a")).await.unwrap(), Receipt::Duplicate);
    }

    async fn a_closed_store_answers_with_an_error(db: Fresh) {
        let intake = Intake::start(db.store.clone());
        db.store.close().await;
        assert!(intake.receive(input(&db, "a")).await.unwrap_err().retryable());
    }

    /// `cargo test --release --lib intake::tests::probe -- --ignored --nocapture`
    mod probe {
        use super::*;

        const EACH: u32 = 500;

        async fn receives_per_second(db: &Fresh, callers: u32) -> f64 {
            let intake = Intake::start(db.store.clone());
            let payload = "x".repeat(1500);
            #[expect(clippy::disallowed_methods, reason = "a measurement")]
            let started = std::time::Instant::now();
            let tasks: Vec<_> = (0..callers)
                .map(|caller| {
                    let (intake, input) = (intake.clone(), NewInput { payload: payload.clone(), ..input(db, "") });
                    tokio::spawn(async move {
                        for n in 0..EACH {
                            let key = format!("{callers}/{caller}/{n}");
                            intake.receive(NewInput { key, ..input.clone() }).await.unwrap();
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            f64::from(callers * EACH) / started.elapsed().as_secs_f64()
        }

        async fn measure(db: Fresh) {
            for callers in [1, 16, 64, 256] {
                let rate = receives_per_second(&db, callers).await;
                println!("{}: {callers} callers: {rate:.0} receives/s", db.store.backend());
            }
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        #[ignore = "a measurement"]
        async fn sqlite() {
            measure(Fresh::sqlite().await).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        #[ignore = "a measurement"]
        async fn postgres() {
            measure(Fresh::postgres().await).await;
        }
    }
}
