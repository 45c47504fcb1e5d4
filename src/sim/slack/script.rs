//! The words a test (or the demo) uses to be the people in the workspace, and to look over their shoulders.
//!
//! Users and channels are named as people name them (`alice`, `#ops`, `@watchkeeper` for the direct messages with the
//! bot) or by id. Whatever sends something to the app returns when the app has acknowledged it or missed its chance.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::client::visible;
use super::deliver::http::{encode, signature};
use super::deliver::{self, Kind, Missed, Reply};
use super::faults::Faults;
use super::hub::settled;
use super::interact::{self, Container, channel_id, user_id};
use super::message::{Content, with_metadata};
use super::modals::{self, Submitted};
use super::render;
use super::server::Workspace;
use super::state::Call;

/// What a person saw at once, as the answer to what they did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// The message that appeared, rendered; empty when nothing did.
    pub text: String,
    /// Its Slack JSON.
    pub message: Option<Value>,
    /// What Slack's client complained of.
    pub error: Option<String>,
    /// A modal's errors by block.
    pub errors: Value,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error {
            Some(error) => write!(f, "{}(error: {error})", self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl Seen {
    pub fn ok(&self) -> bool {
        self.error.is_none() && self.errors.is_null()
    }

    fn nothing(result: Result<(), String>) -> Self {
        Self { error: result.err(), ..Self::default() }
    }
}

/// A signed HTTP request as Slack would send it, to be sent by hand: forged, replayed, late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRequest {
    pub body: String,
    pub content_type: &'static str,
    pub timestamp: String,
    pub signature: String,
}

impl Workspace {
    /// Posts a message; gives its `ts`.
    pub async fn say(&self, user: &str, channel: &str, text: &str) -> Result<String, String> {
        interact::say(&self.hub, user, channel, text, None).await
    }

    /// Replies in a thread; gives the reply's `ts`.
    pub async fn reply(&self, user: &str, channel: &str, thread_ts: &str, text: &str) -> Result<String, String> {
        interact::say(&self.hub, user, channel, text, Some(thread_ts)).await
    }

    /// Runs a slash command: `/wk status`.
    pub async fn slash(&self, user: &str, channel: &str, line: &str) -> Seen {
        let ran = interact::slash(&self.hub, user, channel, line).await;
        let ts = match ran {
            Ok(ts) => ts,
            Err(error) => return Seen { error: Some(error), ..Seen::default() },
        };
        let message = ts.and_then(|ts| {
            self.hub.read(|state| {
                let me = user_id(state, user).ok()?;
                state.json_of(&channel_id(state, channel, &me).ok()?, &ts)
            })
        });
        Seen { text: message.as_ref().map(render::message).unwrap_or_default(), message, ..Seen::default() }
    }

    /// Presses a button, named by its `action_id` or by what is written on it.
    pub async fn click(&self, user: &str, channel: &str, ts: &str, button: &str) -> Seen {
        self.choose(user, channel, ts, button, Value::Null).await
    }

    /// Makes a choice in a menu or picker: an option's value or text, a user id, a date, a list of options.
    pub async fn choose(&self, user: &str, channel: &str, ts: &str, action_id: &str, choice: impl Into<Value>) -> Seen {
        let container = Container::Message { channel: channel.to_owned(), ts: ts.to_owned() };
        let action = json!({"action_id": action_id, "choice": choice.into()});
        Seen::nothing(interact::act(&self.hub, user, &container, &action, None).await)
    }

    /// Uses an element of a modal or of the Home tab; `choice` is null for a button.
    pub async fn use_in_view(&self, user: &str, view_id: &str, action_id: &str, choice: impl Into<Value>) -> Seen {
        let container = Container::View { view_id: view_id.to_owned() };
        let action = json!({"action_id": action_id, "choice": choice.into()});
        Seen::nothing(interact::act(&self.hub, user, &container, &action, None).await)
    }

    /// Submits a modal. `values` is `{block_id: {action_id: what was typed or chosen}}`; the rest stays as it opened.
    pub async fn submit_view(&self, user: &str, view_id: &str, values: Value) -> Seen {
        match modals::submit(&self.hub, user, view_id, &values).await {
            Ok(Submitted::Done) => Seen::default(),
            Ok(Submitted::Errors(errors)) => Seen { errors: Value::Object(errors), ..Seen::default() },
            Err(error) => Seen { error: Some(error), ..Seen::default() },
        }
    }

    pub async fn close_view(&self, user: &str, view_id: &str) -> Seen {
        Seen::nothing(modals::close(&self.hub, user, view_id).await)
    }

    /// Opens the app's Home tab; see [`Self::home`] for what was published.
    pub async fn open_home(&self, user: &str) -> Seen {
        Seen::nothing(modals::open_home(&self.hub, user).await)
    }

    pub async fn react(&self, user: &str, channel: &str, ts: &str, name: &str) -> Seen {
        let now = self.hub.now();
        let (done, deliveries) = self.hub.with_deliveries(|state| {
            let user = user_id(state, user)?;
            let channel = channel_id(state, channel, &user)?;
            state.react(&channel, ts, &user, name, true, now).map_err(|refusal| refusal.error().to_owned())
        });
        settled(deliveries).await;
        Seen::nothing(done)
    }

    /// Chooses an app's shortcut in the menu of a message.
    pub async fn shortcut(&self, user: &str, channel: &str, ts: &str, which: &str) -> Seen {
        Seen::nothing(interact::shortcut(&self.hub, user, channel, ts, which).await)
    }

    /// Everybody's messages in a channel, oldest first, thread replies included, metadata too.
    pub fn messages(&self, channel: &str) -> Vec<Value> {
        self.hub.read(|state| {
            let found = state.channels.iter().find(|c| c.id == channel || c.name == channel.trim_start_matches('#'));
            let Some(channel) = found else { return Vec::new() };
            let shared = channel.messages.iter().filter(|m| m.only_for.is_none());
            shared.map(|m| with_metadata(state.message_json(channel, m), m)).collect()
        })
    }

    /// What one person sees in a channel, ephemerals included; `@watchkeeper` for the direct messages.
    pub fn seen_by(&self, user: &str, channel: &str) -> Vec<Value> {
        self.hub.read(|state| {
            let Ok(me) = user_id(state, user) else { return Vec::new() };
            let Ok(id) = channel_id(state, channel, &me) else { return Vec::new() };
            state.channel(&id).map(|c| visible(state, c, &me, None)).unwrap_or_default()
        })
    }

    /// A thread, parent first, as everyone in the channel sees it.
    pub fn thread(&self, channel: &str, ts: &str) -> Vec<Value> {
        let in_thread = |m: &Value| m["ts"] == ts || m["thread_ts"] == ts;
        self.messages(channel).into_iter().filter(in_thread).collect()
    }

    /// All ephemeral messages shown to a user and not taken away again, in the order of their channels.
    pub fn ephemerals(&self, user: &str) -> Vec<Value> {
        self.hub.read(|state| {
            let Ok(me) = user_id(state, user) else { return Vec::new() };
            let all = state.channels.iter().flat_map(|c| c.messages.iter().map(move |m| (c, m)));
            all.filter(|(_, m)| m.only_for.as_deref() == Some(&me)).map(|(c, m)| state.message_json(c, m)).collect()
        })
    }

    /// The Home view published to a user.
    pub fn home(&self, user: &str) -> Option<Value> {
        self.hub.read(|state| {
            let me = user_id(state, user).ok()?;
            state.views.get(state.homes.get(&me)?).map(|v| v.json.clone())
        })
    }

    /// The modals a user has open, lowest first.
    pub fn views(&self, user: &str) -> Vec<Value> {
        self.hub.read(|state| {
            let Ok(me) = user_id(state, user) else { return Vec::new() };
            let open = state.stacks.get(&me).into_iter().flatten();
            open.filter_map(|id| state.views.get(id)).map(|v| v.json.clone()).collect()
        })
    }

    /// Uploaded files: Slack's JSON and the bytes.
    pub fn files(&self) -> Vec<(Value, Vec<u8>)> {
        self.hub.read(|state| {
            let one = |(id, file): (&String, &super::state::File)| Some((state.file_json(id)?, file.bytes.clone()));
            state.files.iter().filter_map(one).collect()
        })
    }

    /// The calls of one method, refused ones too, oldest first.
    pub fn calls(&self, method: &str) -> Vec<Call> {
        self.hub.read(|state| state.calls.iter().filter(|c| c.method == method).cloned().collect())
    }

    /// A message as plain text; see [`render`].
    pub fn render(message: &Value) -> String {
        render::message(message)
    }

    /// A channel id by name, and a user id by name, for payloads written by hand.
    pub fn id_of(&self, name: &str) -> Option<String> {
        self.hub.read(|state| {
            let channel = state.channels.iter().find(|c| c.name == name.trim_start_matches('#'));
            channel.map(|c| c.id.clone()).or_else(|| state.user(name).map(|u| u.id.clone()))
        })
    }

    /// Sets the fault switches.
    pub fn faults<R>(&self, set: impl FnOnce(&mut Faults) -> R) -> R {
        self.hub.with(|state| set(&mut state.faults))
    }

    /// Cuts every socket without a goodbye.
    pub fn drop_sockets(&self) {
        self.hub.read(|state| state.sockets.cut_all());
    }

    /// Warns every socket that it is about to be replaced, and closes it ten seconds later.
    pub fn refresh_sockets(&self) {
        self.hub.read(|state| state.sockets.refresh_all());
    }

    pub fn socket_count(&self) -> usize {
        self.hub.read(|state| state.sockets.count())
    }

    /// Who is in a user group, by its handle.
    pub fn user_group(&self, handle: &str) -> Vec<String> {
        let group = |state: &super::state::State| state.groups.iter().find(|group| group.handle == handle).cloned();
        self.hub.read(group).map(|group| group.users).unwrap_or_default()
    }

    /// Adds someone (or the bot) to a channel, or takes them out.
    pub fn join(&self, user: &str, channel: &str) -> Result<(), String> {
        self.membership(user, channel, true)
    }

    pub fn leave(&self, user: &str, channel: &str) -> Result<(), String> {
        self.membership(user, channel, false)
    }

    /// Somebody leaves for good.
    pub fn deactivate(&self, user: &str) {
        self.hub.with(|state| {
            let id = user_id(state, user).unwrap_or_default();
            state.users.iter_mut().filter(|u| u.id == id).for_each(|u| u.deleted = true);
        });
    }

    pub fn make_guest(&self, user: &str) {
        self.hub.with(|state| {
            let id = user_id(state, user).unwrap_or_default();
            state.users.iter_mut().filter(|u| u.id == id).for_each(|u| u.is_guest = true);
        });
    }

    fn membership(&self, user: &str, channel: &str, joins: bool) -> Result<(), String> {
        let now = self.hub.now();
        self.hub.with(|state| {
            let user = user_id(state, user)?;
            let name = channel.trim_start_matches('#');
            let found = state.channels.iter().find(|c| c.id == channel || c.name == name);
            let id = found.map(|c| c.id.clone()).ok_or_else(|| format!("there is no channel {channel}"))?;
            let _ = if joins { state.add_member(&id, &user, None, now) } else { state.remove_member(&id, &user, now) };
            Ok(())
        })
    }

    pub fn archive(&self, channel: &str, archived: bool) {
        self.hub.with(|state| {
            let name = channel.trim_start_matches('#');
            state.channels.iter_mut().filter(|c| c.name == name).for_each(|c| c.is_archived = archived);
        });
    }

    /// Posts as the bot without a call: what another process of the same app did.
    pub fn post_as_bot(&self, channel: &str, content: Content) -> Option<String> {
        let now = self.hub.now();
        self.hub.with(|state| {
            let bot = state.bot_user()?.to_owned();
            let id = state.find_channel(channel, &bot)?.id.clone();
            state.post(&id, &bot, true, content, now)
        })
    }

    /// Delivers any payload to the app (an event, a command or an interaction), as it is.
    pub async fn deliver(&self, kind: Kind, payload: &Value) -> Result<Reply, Missed> {
        deliver::deliver(&self.hub, kind, payload, None).await
    }

    /// Wraps an event in its envelope with a fresh `event_id`.
    pub fn envelope(&self, event: &Value) -> Option<Value> {
        let now = self.hub.now();
        self.hub.with(|state| {
            let app = state.app.clone()?;
            Some(deliver::events::envelope(state, &app, event, false, now))
        })
    }

    /// Encodes and signs a payload with the app's secret for this time (Unix seconds).
    pub fn signed_request(&self, kind: Kind, payload: &Value, timestamp: i64) -> SignedRequest {
        let secret = self.hub.read(|state| state.app.as_ref().map(|app| app.signing_secret.clone()));
        let (body, content_type) = encode(kind, payload);
        let signature = signature(&secret.unwrap_or_default(), timestamp, &body);
        SignedRequest { body, content_type, timestamp: timestamp.to_string(), signature }
    }

    /// Looks again after every change until `look` finds something; none after `limit` on the machine's clock.
    pub async fn until<T>(&self, limit: Duration, mut look: impl FnMut(&Self) -> Option<T>) -> Option<T> {
        let mut changes = self.hub.changes.subscribe();
        let found = async {
            loop {
                changes.mark_unchanged();
                if let Some(found) = look(self) {
                    return Some(found);
                }
                changes.changed().await.ok()?;
            }
        };
        tokio::time::timeout(limit, found).await.ok().flatten()
    }
}
