//! Doing the effects: one job of the outbox becomes one call on Slack, and what came of it is written down.

mod record;

use std::sync::PoisonError;
use std::time::Duration;

use crate::core::ids::{ChannelId, GroupId, IncidentId, MessageTs};
use crate::core::incident::Place;
use crate::core::time::Timestamp;
use crate::slack::api::{Answer, ApiError};
use crate::slack::inbound::ResponseUrl;
use crate::slack::limiter::Turn;
use crate::slack::message::Message;
use crate::store::StoreError;
use crate::store::jobs::{self, Job};
use crate::store::messages::{self, MessageRef};

use super::Flow;
use super::effect::Effect;

/// A replica without the lease leaves charts to the one that has it.
const LEFT_TO_THE_LEADER: Duration = Duration::from_secs(1);
/// What this version cannot read waits this long for a replica that can.
const LEFT_TO_NEWER: Duration = Duration::from_mins(15);
/// <https://docs.slack.dev/reference/methods/views.open>
const SPENT_TRIGGER: [&str; 4] = ["expired_trigger_id", "trigger_expired", "trigger_exchanged", "exchanged_trigger_id"];
/// Clocks are set wrong by an hour now and then, as time zones are; what was posted must be found all the same.
const CLOCKS_DIFFER: Duration = Duration::from_hours(2);
/// What `chat.update` takes as text (<https://docs.slack.dev/reference/methods/chat.update>).
const TEXT: usize = 4000;

/// What came of one attempt.
pub(super) enum Attempt {
    /// It took place; `shown` is where a living message now stands.
    Done {
        shown: Option<(String, MessageRef)>,
    },
    /// A chart is in Slack under this file id and wants to be shown.
    Drawn {
        group: GroupId,
        file: String,
    },
    /// An incident has the place it is worked on.
    Placed {
        incident: IncidentId,
        place: Place,
    },
    /// Not its turn: nothing was tried.
    NotYet(Timestamp),
    /// The message it edits is gone: forget it, and show anew.
    Gone {
        key: String,
    },
    Failed(ApiError),
    /// Nothing more to try; a fact is kept or, without a value, forgotten, and something is said about it.
    Settled {
        remember: Option<(String, Option<String>)>,
        say: Option<Box<Effect>>,
    },
    /// A service other than Slack failed; `again`: another attempt may succeed.
    Elsewhere {
        error: String,
        again: bool,
    },
    /// Something was looked up; this goes out with it.
    Found(Option<Box<Effect>>),
    /// It came too late to be taken; what is to be said instead goes out.
    Missed,
    /// Nothing can be done any more, and nobody needs to look at it.
    Moot(&'static str),
}

const DONE: Attempt = Attempt::Done { shown: None };

impl Flow {
    /// Does one claimed job and records the outcome. False: the job was put off, nothing was tried.
    ///
    /// # Errors
    /// The outcome could not be recorded; the claim runs out and the job comes again as `interrupted`.
    pub async fn deliver(&self, job: &Job) -> Result<bool, StoreError> {
        let Ok(effect) = serde_json::from_str::<Effect>(&job.payload) else {
            return self.leave_to_newer(job).await;
        };
        let attempt = self.attempt(job, &effect).await?;
        let tried = !matches!(attempt, Attempt::NotYet(_));
        let outcome = self.record(job, &effect, attempt).await?;
        self.metrics.delivery(effect.kind(), outcome);
        Ok(tried)
    }

    /// During an upgrade another replica can read what this one cannot.
    async fn leave_to_newer(&self, job: &Job) -> Result<bool, StoreError> {
        let now = self.now();
        let mut tx = self.store.begin().await?;
        let buried = now.since(job.created_at) >= LEFT_TO_NEWER;
        if buried {
            jobs::bury(&mut tx, job, "written by another version and not readable by this one", now).await?;
        } else {
            jobs::defer(&mut tx, job, now.plus(LEFT_TO_THE_LEADER.mul_f64(1.0 + self.roll()))).await?;
        }
        tx.commit().await.map(|()| buried)
    }

    async fn attempt(&self, job: &Job, effect: &Effect) -> Result<Attempt, StoreError> {
        Ok(match effect {
            Effect::Show { key, channel, message, .. } => match messages::get(&self.store, key).await? {
                Some(_) if jobs::superseded(&self.store, job, &effect.coalesce().unwrap_or_default()).await? => {
                    Attempt::Moot("a newer look is there or on its way")
                }
                Some(place) => {
                    let late = self.late_handoff(key, message, Some(&place.ts)).await?;
                    self.edit(key, &place, late.as_ref().unwrap_or(message)).await
                }
                None => {
                    let first = match self.first_look(key).await? {
                        Some(first) => Some(first),
                        None => self.late_handoff(key, message, None).await?,
                    };
                    self.post(job, channel, None, first.as_ref().unwrap_or(message), Some(key)).await
                }
            },
            Effect::Note { key, message, .. } => match messages::get(&self.store, key).await? {
                Some(MessageRef { channel, ts }) => match self.post(job, &channel, Some(&ts), message, None).await {
                    Attempt::Failed(error) if error.message_gone() => {
                        Attempt::Moot("the message it belongs to was deleted")
                    }
                    other => other,
                },
                None => Attempt::Moot("the message it belongs to was never posted"),
            },
            Effect::Post { channel, thread_ts, message, .. } => {
                self.post(job, channel, thread_ts.as_ref(), message, None).await
            }
            Effect::Ephemeral { channel, user, thread_ts, message } => {
                self.once(job, "chat.postEphemeral", Some(channel), async {
                    let post = |message: Message| async move {
                        self.api.chat_post_ephemeral(channel, user, &message, thread_ts.as_ref()).await
                    };
                    self.as_blocks_or_text(message, post).await
                })
                .await
            }
            Effect::Respond { url, message } => {
                let url = &ResponseUrl::new(url);
                self.once(job, "response_url", None, async {
                    let respond = |message: Message| async move {
                        self.api.respond(url, &message, Answer::Ephemeral, None).await
                    };
                    self.as_blocks_or_text(message, respond).await
                })
                .await
            }
            Effect::OpenView { expires_at, .. } if self.now() > *expires_at => Attempt::Missed,
            Effect::OpenView { trigger_id, view, .. } => {
                let open = async { self.api.views_open(trigger_id, view).await.map(drop) };
                match self.once(job, "views.open", None, open).await {
                    Attempt::Failed(error) if error.code().is_some_and(|code| SPENT_TRIGGER.contains(&code)) => {
                        Attempt::Missed
                    }
                    other => other,
                }
            }
            Effect::PublishHome { user, view } => match self.turn("views.publish", None) {
                Some(at) => Attempt::NotYet(at),
                None => match self.api.views_publish(user, None, view).await {
                    Ok(_) => DONE,
                    Err(error) => self.failed("views.publish", None, error),
                },
            },
            Effect::Page(page) => self.page(job, page).await?,
            Effect::ReadLog { request, answer } => {
                let said = self.read_log(request).await;
                Attempt::Found(answer.clone().map(|answer| Box::new(answer.saying(said))))
            }
            Effect::Outside(outside) => self.silence_outside(job, outside).await?,
            Effect::Graph(picture) => self.draw(job, picture).await,
            Effect::Room(room) => self.room(job, room).await?,
            // Only the engine that decides knows how the message looks now.
            Effect::Chart { .. } if self.lease().is_none() => Attempt::NotYet(self.now().plus(LEFT_TO_THE_LEADER)),
            Effect::Chart { group, .. } if self.with_engine(|engine, _, _| engine.group(group).is_none()) => {
                Attempt::Moot("the group is long over")
            }
            Effect::Chart { group, of, since } => match self.turn("files.completeUploadExternal", None) {
                Some(at) => Attempt::NotYet(at),
                None => match self.upload_chart(of, *since).await {
                    Ok(Some(file)) => Attempt::Drawn { group: group.clone(), file },
                    Ok(None) => Attempt::Moot("there is nothing to draw"),
                    Err(error) => self.failed("files.completeUploadExternal", None, error),
                },
            },
        })
    }

    pub(super) async fn edit(&self, key: &str, place: &MessageRef, message: &Message) -> Attempt {
        let MessageRef { channel, ts } = place;
        if let Some(at) = self.turn("chat.update", Some(channel)) {
            return Attempt::NotYet(at);
        }
        match self
            .as_blocks_or_text(message, |message| async move { self.api.chat_update(channel, ts, &message).await })
            .await
        {
            Ok(_) => DONE,
            Err(error) if error.message_gone() => Attempt::Gone { key: key.to_owned() },
            Err(error) => self.failed("chat.update", Some(channel), error),
        }
    }

    /// Posts, unless an earlier attempt already did: the job's id travels in the message's metadata.
    pub(super) async fn post(
        &self,
        job: &Job,
        channel: &ChannelId,
        thread: Option<&MessageTs>,
        message: &Message,
        key: Option<&String>,
    ) -> Attempt {
        let shown = |channel: ChannelId, ts: MessageTs| Attempt::Done {
            shown: key.map(|key| (key.clone(), MessageRef { channel, ts })),
        };
        if job.interrupted {
            let method = if thread.is_some() { "conversations.replies" } else { "conversations.history" };
            if let Some(at) = self.turn(method, Some(channel)) {
                return Attempt::NotYet(at);
            }
            // Slack's clock, by which messages are found, may be behind ours.
            let oldest = job.created_at.minus(CLOCKS_DIFFER);
            match self.api.find_by_metadata(channel, thread, job.id.as_str(), oldest).await {
                Ok(Some(ts)) => return shown(channel.clone(), ts),
                Ok(None) => {}
                Err(error) => return self.failed(method, Some(channel), error),
            }
        }
        if let Some(at) = self.turn("chat.postMessage", Some(channel)) {
            return Attempt::NotYet(at);
        }
        let id = job.id.as_str();
        let posted = self.as_blocks_or_text(message, |message| async move {
            self.api.chat_post_message(channel, &message, thread, id).await
        });
        match posted.await {
            Ok(posted) => {
                self.metrics.posted(self.now().since(job.created_at));
                shown(posted.channel, posted.ts)
            }
            Err(error) => self.failed("chat.postMessage", Some(channel), error),
        }
    }

    /// A message whose blocks Slack refuses is better read without its picture, or as text, than lost.
    async fn as_blocks_or_text<T, F>(&self, message: &Message, call: impl Fn(Message) -> F) -> Result<T, ApiError>
    where
        F: Future<Output = Result<T, ApiError>>,
    {
        let refused =
            |answer: &Result<T, ApiError>| answer.as_ref().err().and_then(ApiError::code).is_some_and(blocks_refused);
        let mut answer = call(message.clone()).await;
        let unpictured: Vec<_> = message.blocks.iter().filter(|block| block["type"] != "image").cloned().collect();
        if refused(&answer) && !unpictured.is_empty() && unpictured.len() < message.blocks.len() {
            // A file that somebody deleted, or that is not ready.
            tracing::warn!("Slack refused the blocks of a message; sending it without its picture");
            answer = call(Message { blocks: unpictured, ..message.clone() }).await;
        }
        match answer {
            Err(ApiError::Refused { code, messages }) if !message.blocks.is_empty() && blocks_refused(&code) => {
                tracing::error!(
                    code,
                    details = messages.join("; "),
                    "Slack refused the blocks of a message; sending its text"
                );
                let text = message.text.chars().take(TEXT).collect();
                call(Message { text, broadcast: message.broadcast, ..Message::default() }).await
            }
            other => other,
        }
    }

    /// For what only one person sees and nothing can find again: tried until it may have happened, never twice.
    async fn once(
        &self,
        job: &Job,
        method: &str,
        channel: Option<&ChannelId>,
        call: impl Future<Output = Result<(), ApiError>>,
    ) -> Attempt {
        if job.interrupted {
            return Attempt::Moot("it may have been seen already");
        }
        if let Some(at) = self.turn(method, channel) {
            return Attempt::NotYet(at);
        }
        match call.await {
            Ok(()) => DONE,
            Err(ApiError::Unknown { .. }) => Attempt::Moot("it may have been seen already"),
            Err(error) => self.failed(method, channel, error),
        }
    }

    /// `Some`: when it is this method's turn; `None`: now.
    pub(super) fn turn(&self, method: &str, channel: Option<&ChannelId>) -> Option<Timestamp> {
        let mut limiter = self.limiter.lock().unwrap_or_else(PoisonError::into_inner);
        match limiter.acquire(method, channel, self.now()) {
            Turn::Ready => None,
            Turn::WaitUntil(at) => Some(at),
        }
    }

    pub(super) fn failed(&self, method: &str, channel: Option<&ChannelId>, error: ApiError) -> Attempt {
        if let ApiError::RateLimited { retry_after } = error {
            let mut limiter = self.limiter.lock().unwrap_or_else(PoisonError::into_inner);
            limiter.pause(method, channel, retry_after, self.now());
            return Attempt::NotYet(self.now().plus(retry_after));
        }
        Attempt::Failed(error)
    }

    /// Gives a job up that brought the worker down: a dead letter, so that it is tried again only when a person says so.
    ///
    /// # Errors
    /// It could not be recorded; the claim runs out and the job comes again.
    pub async fn bury(&self, job: &Job, why: &str) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        jobs::bury(&mut tx, job, why, self.now()).await?;
        tx.commit().await?;
        self.metrics.delivery("unknown", "dead");
        Ok(())
    }
}

/// Slack's codes for a message whose arrangement it does not take; what has a colour bar is an attachment to it.
fn blocks_refused(code: &str) -> bool {
    const CODES: [&str; 5] = [
        "invalid_attachments",
        "too_many_attachments",
        "attachment_payload_limit_exceeded",
        "msg_too_long",
        "msg_blocks_too_long",
    ];
    code.starts_with("invalid_blocks") || CODES.contains(&code)
}
