//! From a delivery to its acknowledgement: deduplicated, stored, then worked on. What is acknowledged is never lost.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use serde::Serialize;
use serde_json::{Value, json};

use crate::core::audit::Record;
use crate::core::backoff::Backoff;
use crate::core::ids::Actor;
use crate::core::time::Timestamp;
use crate::slack::blocks::actions::SILENCE_FORM;
use crate::slack::blocks::replies;
use crate::slack::inbound::{Delivery, Input, ResponseUrl};
use crate::slack::message::{Message, Rendered};
use crate::store::intake::{NewInput, Receipt};
use crate::store::{StoreError, inbox};

use super::Flow;
use super::act::{Caller, Plan, Way};
use super::actions;
use super::effect::{ANSWER, Effect};
use super::handoff;
use super::incident;
use super::notified;
use super::oncall;
use super::step::{Extra, StepError};
use super::unfinished::Unfinished;

/// What Slack gets back within its three seconds.
#[derive(Clone, Debug, PartialEq)]
pub enum Ack {
    Empty,
    /// The answer itself: a message for a slash command, errors for a form, options for a select.
    Body(Rendered),
    /// Nothing was stored: Slack shall deliver it again (events), or the person shall try again.
    Unstored,
}

/// A stored input is left to whoever took it in for this long: who answers in the acknowledgement must not be overtaken
/// by the sweep, which cannot.
const IN_HAND: Duration = Duration::from_secs(5);
const AGAIN: Backoff = Backoff { base: Duration::from_secs(5), cap: Duration::from_secs(40) };
/// An input that cannot be worked on this many times never can.
const TRIES: u32 = 5;
const PANICKED: &str = "working on it panicked; this is a bug";
/// So many stored inputs of people are worked on at the same time.
const AT_ONCE: usize = 8;

impl Flow {
    /// Takes one delivery in and gives its acknowledgement within `within` of real time. Work that takes longer goes
    /// on, and its answer follows by the response URL.
    pub async fn take(self: Arc<Self>, delivery: Delivery, within: Duration) -> Ack {
        let url = answerable(&delivery.input).cloned();
        let flow = Arc::clone(&self);
        let work = AssertUnwindSafe(async move { flow.receive(delivery).await }).catch_unwind();
        let mut work = Unfinished::new(work, async move |ack| {
            if let (Ok(Ack::Body(body)), Some(url)) = (ack, url) {
                self.tell_at_once(&url, &told_by(&body)).await;
            }
        });
        match tokio::time::timeout(within, &mut work).await {
            Ok(Ok(ack)) => ack,
            // It panicked, or goes on: what is stored is not lost.
            Ok(Err(_)) | Err(_) => Ack::Empty,
        }
    }

    /// Takes one delivery in.
    pub async fn receive(&self, delivery: Delivery) -> Ack {
        let kind = delivery.input.name();
        match &delivery.input {
            Input::UrlVerification { challenge } => Ack::Body(Rendered::of(&json!({ "challenge": challenge }))),
            Input::SslCheck => Ack::Empty,
            Input::Ignored { what, reason } => {
                tracing::debug!(what, reason, "ignored an input");
                self.metrics.input("ignored", reason);
                Ack::Empty
            }
            // It changes nothing and is asked again at the next letter.
            Input::BlockSuggestion(_) => {
                self.metrics.input(kind, "answered");
                Ack::Body(Rendered::of(&json!({ "options": [] })))
            }
            Input::Command(_) => self.receive_command(delivery).await,
            Input::Mention(_)
            | Input::DirectMessage(_)
            | Input::Action(_)
            | Input::ViewSubmission(_)
            | Input::ViewClosed(_)
            | Input::Shortcut(_)
            | Input::MessageAction(_)
            | Input::Pinned(_)
            | Input::HomeOpened { .. }
            | Input::AppRateLimited { .. }
            | Input::TokensRevoked { .. }
            | Input::AppUninstalled => self.receive_stored(delivery).await,
        }
    }

    /// A question is answered in the acknowledgement, after the row that says it was asked is on disk.
    async fn receive_command(&self, delivery: Delivery) -> Ack {
        let Input::Command(command) = &delivery.input else { return Ack::Empty };
        let caller = Caller::of(&command.user, command.user_team.as_ref(), Some(&command.channel));
        self.know_home().await;
        let plan = self.plan(&command.text, &caller).await;
        let Plan::Answer(message) = plan else { return self.receive_stored(delivery).await };
        match self.take_in(&delivery, true).await {
            Ok(Receipt::New) => {
                self.metrics.input("slash_command", "answered");
                Ack::Body(answer_body(&message))
            }
            Ok(Receipt::Duplicate) => self.duplicate("slash_command"),
            Err(error) => {
                self.trouble(&error);
                Ack::Body(answer_body(&replies::unavailable()))
            }
        }
    }

    async fn receive_stored(&self, delivery: Delivery) -> Ack {
        let kind = delivery.input.name();
        match self.take_in(&delivery, false).await {
            Ok(Receipt::New) => {}
            Ok(Receipt::Duplicate) => return self.duplicate(kind),
            Err(error) => {
                self.trouble(&error);
                return self.unstored(&delivery.input).await;
            }
        }
        self.know_home().await;
        match self.work(&delivery, Way::Ack).await {
            Ok(ack) => ack,
            Err(StepError::AlreadyDone) => self.duplicate(kind),
            // It is stored: the replica that holds the lease works on it at once and answers then.
            Err(StepError::NotLeader) => {
                if let Err(error) = inbox::hand_over(&self.store, &delivery.key).await {
                    tracing::warn!(error = %error, "an input waits a little longer than it must");
                }
                Ack::Empty
            }
            Err(StepError::Store(error)) => {
                self.trouble(&error);
                Ack::Empty
            }
        }
    }

    async fn take_in(&self, delivery: &Delivery, done: bool) -> Result<Receipt, StoreError> {
        let payload = if done { String::new() } else { serde_json::to_string(delivery).unwrap_or_default() };
        let kind = delivery.input.name().to_owned();
        let input = NewInput { key: delivery.key.clone(), kind, payload, received_at: self.now(), done };
        self.intake.receive(input).await
    }

    fn duplicate(&self, kind: &str) -> Ack {
        self.metrics.input(kind, "duplicate");
        Ack::Empty
    }

    pub(super) fn trouble(&self, error: &StoreError) {
        self.metrics.store_failed();
        self.unwritten(error);
        tracing::error!(error = %error, "the database does not take inputs");
    }

    /// Events come again; a click or a form does not, so the person is told at once, past the outbox that is away too.
    async fn unstored(&self, input: &Input) -> Ack {
        self.metrics.input(input.name(), "unstored");
        let sorry = replies::unavailable();
        match input {
            Input::Command(_) => Ack::Body(answer_body(&sorry)),
            Input::ViewSubmission(submission) => Ack::Body(Rendered::of(&json!({
                "response_action": "errors",
                "errors": { submission.view.state.first().map_or("form", |e| e.block_id.as_str()): sorry.text },
            }))),
            Input::Action(action) => {
                if let Some(url) = &action.response_url {
                    self.tell_at_once(url, &sorry).await;
                }
                Ack::Empty
            }
            Input::UrlVerification { .. }
            | Input::SslCheck
            | Input::Mention(_)
            | Input::DirectMessage(_)
            | Input::ViewClosed(_)
            | Input::Shortcut(_)
            | Input::MessageAction(_)
            | Input::Pinned(_)
            | Input::BlockSuggestion(_)
            | Input::HomeOpened { .. }
            | Input::AppRateLimited { .. }
            | Input::TokensRevoked { .. }
            | Input::AppUninstalled
            | Input::Ignored { .. } => Ack::Unstored,
        }
    }

    async fn tell_at_once(&self, url: &ResponseUrl, message: &Message) {
        if let Err(error) = self.api.respond(url, message, crate::slack::api::Answer::Ephemeral, None).await {
            tracing::warn!(error = %error, "could not tell somebody that nothing was recorded");
        }
    }

    /// Works on what is stored and not done: left over from a crash, a database that was away, or another replica. Left
    /// to the replica that can do all of it. Returns how many were finished.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        if self.lease().is_none() || self.home().team.is_none() {
            return Ok(0);
        }
        let waiting = inbox::waiting(&self.store, self.now().minus(IN_HAND), 50).await?;
        // What other systems said is taken in order; what people want does not wait for one another.
        let (said, wanted): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|row| row.kind == notified::KIND);
        let said = stream::iter(self.all_again(&said)).buffered(1).collect::<Vec<_>>();
        let wanted = stream::iter(self.all_again(&wanted)).buffer_unordered(AT_ONCE).collect::<Vec<_>>();
        let (said, wanted) = tokio::join!(said, wanted);
        let mut finished = 0;
        for done in said.into_iter().chain(wanted) {
            finished += usize::from(done?);
        }
        Ok(finished)
    }

    fn all_again<'a>(&'a self, rows: &'a [inbox::Input]) -> Vec<BoxFuture<'a, Result<bool, StoreError>>> {
        rows.iter().map(|row| self.work_again(row).boxed()).collect()
    }

    /// True when the input is finished now. One that cannot be worked on must not hold up, or end, the others.
    async fn work_again(&self, row: &inbox::Input) -> Result<bool, StoreError> {
        if row.kind == notified::KIND {
            let work = AssertUnwindSafe(self.work_notification_again(row)).catch_unwind();
            return match work.await {
                Ok(finished) => finished,
                Err(_panic) => self.put_off(row, None, PANICKED).await,
            };
        }
        let Ok(delivery) = serde_json::from_str::<Delivery>(&row.payload) else {
            // Perhaps a newer replica can.
            return self.put_off(row, None, "written by another version and not readable by this one").await;
        };
        // A click from before a long outage must not act now, unasked; whoever pressed is told to press again.
        let late = self.now().since(row.received_at) > self.settings().late_after;
        let work = async {
            if late { self.too_late(&delivery, row.received_at).await } else { self.work(&delivery, Way::Later).await }
        };
        match AssertUnwindSafe(work).catch_unwind().await {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(StepError::AlreadyDone | StepError::NotLeader)) => Ok(false),
            // Nothing is wrong with the input itself.
            Ok(Err(StepError::Store(error))) if error.retryable() => self.try_again(row, &error).await.map(|()| false),
            Ok(Err(StepError::Store(error))) => self.put_off(row, Some(&delivery), &error.to_string()).await,
            Err(_panic) => self.put_off(row, Some(&delivery), PANICKED).await,
        }
    }

    /// After a failure that does not lie in the input.
    pub(super) async fn try_again(&self, row: &inbox::Input, error: &StoreError) -> Result<(), StoreError> {
        let again = self.now().plus(AGAIN.wait(row.attempts, self.roll()));
        inbox::fail(&self.store, &row.key, &error.to_string(), again).await
    }

    /// After a failure that lies in the input: tried again later, and at last given up, on record and with a word to
    /// whoever asked.
    pub(super) async fn put_off(
        &self,
        row: &inbox::Input,
        delivery: Option<&Delivery>,
        error: &str,
    ) -> Result<bool, StoreError> {
        tracing::error!(key = row.key, kind = row.kind, error, "a stored input could not be worked on");
        if row.attempts + 1 < TRIES {
            let again = self.now().plus(AGAIN.wait(row.attempts, self.roll()));
            return inbox::fail(&self.store, &row.key, error, again).await.map(|()| false);
        }
        self.metrics.input(delivery.map_or("unreadable", |delivery| delivery.input.name()), "failed");
        let record = Record {
            at: self.now(),
            actor: Actor::System,
            action: "input.failed".to_owned(),
            subject: row.key.clone(),
            detail: json!({ "kind": row.kind, "error": error, "attempts": TRIES }).to_string(),
        };
        let respond = |url: &ResponseUrl| {
            let respond = Effect::Respond { url: url.expose().to_owned(), message: replies::failed(&row.key) };
            (respond, ANSWER)
        };
        let effects = delivery.and_then(|it| answerable(&it.input)).map(respond).into_iter().collect();
        match self.commit_extra(Extra { effects, records: vec![record], ..finish(&row.key, "failed") }).await {
            Ok(()) => Ok(true),
            Err(StepError::AlreadyDone | StepError::NotLeader) => Ok(false),
            Err(StepError::Store(error)) => Err(error),
        }
    }

    /// Works on a stored delivery; its inbox row is finished in the transaction that does what it asks for.
    async fn work(&self, delivery: &Delivery, way: Way) -> Result<Ack, StepError> {
        let kind = delivery.input.name();
        let happened = delivery.occurred_at.unwrap_or_else(|| self.now());
        if self.now().since(happened) > self.settings().late_after {
            return self.too_late(delivery, happened).await;
        }
        let ack = match &delivery.input {
            Input::Command(command) => self.run_command(&delivery.key, command, way).await?,
            Input::Mention(said) | Input::DirectMessage(said) => {
                self.run_said(&delivery.key, &delivery.input, said).await?
            }
            Input::Action(action) => self.press(&delivery.key, action).await?,
            Input::ViewSubmission(submission) if submission.view.callback_id == SILENCE_FORM => {
                self.submit_silence(&delivery.key, submission, way).await?
            }
            Input::ViewSubmission(submission) if oncall::ours(&submission.view.callback_id) => {
                self.submit_on_call(&delivery.key, submission, way).await?
            }
            Input::ViewSubmission(submission) if actions::ours(&submission.view.callback_id) => {
                self.submit_action(&delivery.key, submission, way).await?
            }
            Input::ViewSubmission(submission) if incident::ours(&submission.view.callback_id) => {
                self.submit_incident(&delivery.key, submission, way).await?
            }
            Input::Pinned(reaction) => self.pinned(&delivery.key, reaction).await?,
            Input::ViewSubmission(submission) if handoff::ours(&submission.view.callback_id) => {
                self.submit_question(&delivery.key, submission, way).await?
            }
            Input::HomeOpened { user, .. } => {
                let view = self.home_view(user).await;
                let effect = Effect::PublishHome { user: user.clone(), view };
                self.commit_extra(Extra { effects: vec![(effect, ANSWER)], ..finish(&delivery.key, "home") }).await?;
                Ack::Empty
            }
            // Tokens of people are not ours: the bot's own still works.
            Input::TokensRevoked { bot_users, .. } if bot_users.is_empty() => {
                self.commit_extra(finish(&delivery.key, "nothing to do")).await?;
                Ack::Empty
            }
            Input::TokensRevoked { .. } | Input::AppUninstalled => {
                self.uninstalled(delivery).await?;
                Ack::Empty
            }
            Input::AppRateLimited { minute } => {
                tracing::warn!(minute, "Slack dropped events of this minute; nothing here relies on them alone");
                self.commit_extra(finish(&delivery.key, "noted")).await?;
                Ack::Empty
            }
            Input::Shortcut(shortcut) => self.shortcut(&delivery.key, shortcut).await?,
            Input::MessageAction(action) => self.message_action(&delivery.key, action).await?,
            Input::ViewSubmission(_) | Input::ViewClosed(_) => {
                self.commit_extra(finish(&delivery.key, "nothing to do")).await?;
                Ack::Empty
            }
            Input::UrlVerification { .. } | Input::SslCheck | Input::BlockSuggestion(_) | Input::Ignored { .. } => {
                Ack::Empty
            }
        };
        self.metrics.input(kind, "done");
        Ok(ack)
    }

    async fn too_late(&self, delivery: &Delivery, received_at: Timestamp) -> Result<Ack, StepError> {
        self.metrics.input(delivery.input.name(), "late");
        let mut extra = finish(&delivery.key, "late");
        let asked_at = delivery.occurred_at.unwrap_or(received_at);
        if let Some(url) = answerable(&delivery.input) {
            let respond =
                Effect::Respond { url: url.expose().to_owned(), message: replies::too_late(asked_at, self.now()) };
            extra.effects.push((respond, ANSWER));
        }
        self.commit_extra(extra).await?;
        Ok(Ack::Empty)
    }

    async fn uninstalled(&self, delivery: &Delivery) -> Result<(), StepError> {
        tracing::error!("the app was uninstalled or its token revoked; install it again and give the new token");
        self.token_works.store(false, std::sync::atomic::Ordering::Relaxed);
        let record = Record {
            at: self.now(),
            actor: Actor::System,
            action: "slack.token_revoked".to_owned(),
            subject: "slack".to_owned(),
            detail: "{}".to_owned(),
        };
        self.commit_extra(Extra { records: vec![record], ..finish(&delivery.key, "token revoked") }).await
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    response_type: &'static str,
    text: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    blocks: &'a [Value],
}

/// The body of a slash command's answer: seen by the one who asked.
pub(super) fn answer_body(message: &Message) -> Rendered {
    Rendered::of(&Answer { response_type: "ephemeral", text: &message.text, blocks: &message.blocks })
}

/// The message in such a body.
fn told_by(body: &Rendered) -> Message {
    serde_json::from_str(body.text()).unwrap_or_default()
}

pub(super) fn finish(key: &str, outcome: &'static str) -> Extra {
    Extra { finish: Some((key.to_owned(), outcome)), ..Extra::default() }
}

fn answerable(input: &Input) -> Option<&ResponseUrl> {
    match input {
        Input::Command(command) => command.response_url.as_ref(),
        Input::Action(action) => action.response_url.as_ref(),
        Input::MessageAction(action) => action.response_url.as_ref(),
        Input::ViewSubmission(submission) => submission.response_url.as_ref(),
        Input::UrlVerification { .. }
        | Input::SslCheck
        | Input::Mention(_)
        | Input::DirectMessage(_)
        | Input::ViewClosed(_)
        | Input::Shortcut(_)
        | Input::Pinned(_)
        | Input::BlockSuggestion(_)
        | Input::HomeOpened { .. }
        | Input::AppRateLimited { .. }
        | Input::TokensRevoked { .. }
        | Input::AppUninstalled
        | Input::Ignored { .. } => None,
    }
}
