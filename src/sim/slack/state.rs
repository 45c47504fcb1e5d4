//! Everything the workspace remembers, in one struct behind one lock, and the few ways to look things up in it.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde_json::{Value, json};

use super::app::AppConfig;
use super::channel::{Channel, ChannelKind};
use super::deliver::socket::Sockets;
use super::faults::Faults;
use super::limits::Limits;
use super::response_url::ResponseUrl;
use super::world::World;
use crate::core::time::Timestamp;

/// Enough to look back on a test or an afternoon's demo, not enough to fill the memory.
const CALLS_KEPT: usize = 10_000;

/// Speaks for Slack itself.
pub const SLACKBOT: &str = "USLACKBOT";

#[derive(Debug)]
pub struct State {
    pub team: Team,
    pub users: Vec<User>,
    pub channels: Vec<Channel>,
    pub groups: Vec<UserGroup>,
    pub files: BTreeMap<String, File>,
    pub views: BTreeMap<String, View>,
    /// Open modals by user, lowest first.
    pub stacks: HashMap<String, Vec<String>>,
    /// Published home views by user.
    pub homes: HashMap<String, String>,
    pub triggers: HashMap<String, Trigger>,
    pub response_urls: HashMap<String, ResponseUrl>,
    pub app: Option<AppConfig>,
    pub bot_channels: Vec<String>,
    pub sockets: Sockets,
    pub faults: Faults,
    pub limits: Limits,
    pub calls: VecDeque<Call>,
    pub out: Vec<Out>,
    rng: fastrand::Rng,
    /// A row of ids for each kind: which channel is made first decides its id, and not what else happened meanwhile.
    rows: BTreeMap<&'static str, fastrand::Rng>,
    seed: u64,
}

/// Something to tell the outside once the lock is released.
#[derive(Clone, Debug)]
pub enum Out {
    /// To the page: everyone, or these users only.
    Live { to: Option<Vec<String>>, push: Value },
    /// To the app, if it subscribed.
    Event { event: Value, is_ext_shared: bool },
}

#[derive(Clone, Debug)]
pub struct Team {
    pub id: String,
    pub name: String,
    pub domain: String,
}

#[derive(Clone, Debug)]
pub struct User {
    pub id: String,
    pub name: String,
    pub real_name: String,
    pub title: String,
    pub team: String,
    pub tz: String,
    pub is_bot: bool,
    /// Has left: deactivated by an admin.
    pub deleted: bool,
    /// Of some channels only.
    pub is_guest: bool,
}

#[derive(Clone, Debug)]
pub struct UserGroup {
    pub id: String,
    pub handle: String,
    pub name: String,
    pub description: String,
    pub users: Vec<String>,
    pub disabled: bool,
}

#[derive(Clone, Debug)]
pub struct File {
    pub id: String,
    pub name: String,
    pub title: String,
    pub mimetype: String,
    pub user: String,
    pub created: i64,
    /// What the upload announced; the bytes must match.
    pub length: usize,
    pub bytes: Vec<u8>,
    pub complete: bool,
    pub channels: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct View {
    pub user: String,
    /// Slack's view object, complete.
    pub json: Value,
}

/// A `trigger_id`: usable once, for three seconds.
#[derive(Clone, Debug)]
pub struct Trigger {
    pub user: String,
    pub expires_at: Timestamp,
    pub used: bool,
    /// Set when the interaction came from a modal, which `views.push` needs.
    pub from_view: Option<String>,
}

/// One Web API call as it was received and answered.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: String,
    pub args: Value,
    /// HTTP status; 0 when the answer was withheld.
    pub status: u16,
    pub answer: Value,
    pub at: Timestamp,
}

impl Call {
    pub fn ok(&self) -> bool {
        self.answer["ok"] == true
    }
}

impl State {
    pub fn new(world: World, seed: u64, rate_limits: bool) -> Self {
        let mut state = Self {
            team: world.team,
            users: world.users,
            channels: world.channels,
            groups: Vec::new(),
            files: BTreeMap::new(),
            views: BTreeMap::new(),
            stacks: HashMap::new(),
            homes: HashMap::new(),
            triggers: HashMap::new(),
            response_urls: HashMap::new(),
            app: None,
            bot_channels: world.bot_channels,
            sockets: Sockets::default(),
            faults: Faults::new(rate_limits),
            limits: Limits::default(),
            calls: VecDeque::new(),
            out: Vec::new(),
            rng: fastrand::Rng::with_seed(seed),
            rows: BTreeMap::new(),
            seed,
        };
        let mut slackbot = User::person(SLACKBOT, "slackbot", "Slackbot", "", &state.team.id, "UTC");
        slackbot.is_bot = true;
        state.users.push(slackbot);
        state.groups.push(UserGroup {
            id: "S0ONCALL".to_owned(),
            handle: "oncall".to_owned(),
            name: "On call".to_owned(),
            description: "Who has the watch".to_owned(),
            users: state.users.first().map(|u| u.id.clone()).into_iter().collect(),
            disabled: false,
        });
        state
    }

    /// An id like Slack's: a letter or two and ten capitals or digits.
    pub fn mint(&mut self, prefix: &'static str) -> String {
        const ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let row = self.rows.entry(prefix).or_insert_with(|| {
            let of_kind =
                prefix.bytes().fold(self.seed, |seed, byte| seed.wrapping_mul(257).wrapping_add(u64::from(byte)));
            fastrand::Rng::with_seed(of_kind)
        });
        let mut id = prefix.to_owned();
        id.extend((0..10).map(|_| char::from(ALPHABET[row.usize(..ALPHABET.len())])));
        id
    }

    /// Lower-case hexadecimal, for hashes, URLs and envelope ids.
    pub fn mint_hex(&mut self, bytes: usize) -> String {
        hex::encode((0..bytes).map(|_| self.rng.u8(..)).collect::<Vec<_>>())
    }

    /// By id, or by name with or without `@`.
    pub fn user(&self, who: &str) -> Option<&User> {
        let name = who.trim_start_matches('@');
        self.users.iter().find(|u| u.id == who || u.name == name)
    }

    pub fn channel(&self, id: &str) -> Option<&Channel> {
        self.channels.iter().find(|c| c.id == id)
    }

    pub fn channel_mut(&mut self, id: &str) -> Option<&mut Channel> {
        self.channels.iter_mut().find(|c| c.id == id)
    }

    /// By id, or by name with or without `#`; a user's id or `@name` means the direct messages with `me`.
    pub fn find_channel(&self, which: &str, me: &str) -> Option<&Channel> {
        let name = which.trim_start_matches('#');
        let named = |c: &&Channel| c.id == which || (c.kind != ChannelKind::Im && c.name == name);
        self.channels.iter().find(named).or_else(|| {
            let other = self.user(which)?.id.as_str();
            self.im(me, other)
        })
    }

    pub fn im(&self, one: &str, other: &str) -> Option<&Channel> {
        let both = |c: &&Channel| c.kind == ChannelKind::Im && c.has(one) && c.has(other);
        self.channels.iter().find(both)
    }

    /// Opens the direct messages between two users if they are not open yet; gives the channel's id.
    pub fn open_im(&mut self, one: &str, other: &str) -> String {
        if let Some(open) = self.im(one, other) {
            return open.id.clone();
        }
        let id = self.mint("D");
        self.channels.push(Channel::new(&id, "", ChannelKind::Im, &[one, other]));
        id
    }

    pub fn bot_user(&self) -> Option<&str> {
        self.app.as_ref().map(|app| app.bot_user.as_str())
    }

    pub fn log(&mut self, call: Call) {
        if self.calls.len() == CALLS_KEPT {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
    }

    /// Tells the page of everyone in the channel.
    pub fn push_to_channel(&mut self, channel: &str, push: Value) {
        let to = self.channel(channel).map(|c| c.members.clone());
        self.out.push(Out::Live { to, push });
    }

    pub fn push_to_user(&mut self, user: &str, push: Value) {
        self.out.push(Out::Live { to: Some(vec![user.to_owned()]), push });
    }

    /// An event that happened in a channel: the app hears of it when its bot is a member.
    pub fn event_in(&mut self, channel: &str, mut event: Value) {
        let Some((channel, bot)) = self.channel(channel).zip(self.bot_user()) else { return };
        if channel.has(bot) {
            let is_ext_shared = channel.is_ext_shared;
            if event["type"] == "message" {
                event["channel_type"] = json!(channel.type_name());
            }
            self.out.push(Out::Event { event, is_ext_shared });
        }
    }

    pub fn new_trigger(&mut self, user: &str, expires_at: Timestamp, from_view: Option<String>) -> String {
        let id = format!("{}.{}", self.rng.u32(..), self.mint_hex(16));
        let trigger = Trigger { user: user.to_owned(), expires_at, used: false, from_view };
        self.triggers.insert(id.clone(), trigger);
        id
    }
}

impl Team {
    pub fn new(id: &str, name: &str, domain: &str) -> Self {
        Self { id: id.to_owned(), name: name.to_owned(), domain: domain.to_owned() }
    }
}

impl User {
    pub fn email(&self) -> String {
        format!("{}@example.com", self.name)
    }

    pub fn person(id: &str, name: &str, real_name: &str, title: &str, team: &str, tz: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            real_name: real_name.to_owned(),
            title: title.to_owned(),
            team: team.to_owned(),
            tz: tz.to_owned(),
            is_bot: false,
            deleted: false,
            is_guest: false,
        }
    }
}
