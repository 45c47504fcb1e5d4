//! Who and what is in the workspace when it opens.

use super::channel::{Channel, ChannelKind};
use super::state::{Team, User};

/// The people and channels to start with. Names are unique; ids may be anything Slack-like.
#[derive(Clone, Debug)]
pub struct World {
    pub team: Team,
    pub users: Vec<User>,
    pub channels: Vec<Channel>,
    /// The channels an installed app is a member of, by name without `#`.
    pub bot_channels: Vec<String>,
}

impl Default for World {
    /// Watchkeeper Labs: alice on call, bob the lead, carol who approves, dave who is new, and erin from another
    /// company in the shared channel `#ext-partners`. The bot is everywhere but in `#random`.
    fn default() -> Self {
        let team = Team::new("T0WKLABS", "Watchkeeper Labs", "watchkeeper-labs");
        let users = vec![
            User::person("U0ALICE", "alice", "Alice Moreau", "On-call engineer", &team.id, "Europe/Paris"),
            User::person("U0BOB", "bob", "Bob Nakamura", "Team lead", &team.id, "Asia/Tokyo"),
            User::person("U0CAROL", "carol", "Carol Adeyemi", "Approver", &team.id, "Africa/Lagos"),
            User::person("U0DAVE", "dave", "Dave Kowalski", "New this week", &team.id, "Europe/Warsaw"),
            User::person("U0ERIN", "erin", "Erin Castillo", "Partner Markets", "T0PARTNER", "America/New_York"),
        ];
        let home: Vec<&str> = vec!["U0ALICE", "U0BOB", "U0CAROL", "U0DAVE"];
        let mut partners =
            Channel::new("C0PARTNERS", "ext-partners", ChannelKind::Public, &["U0ALICE", "U0BOB", "U0ERIN"]);
        partners.is_ext_shared = true;
        let channels = vec![
            Channel::new("C0GENERAL", "general", ChannelKind::Public, &home),
            Channel::new("C0ALERTS", "feeds-alerts", ChannelKind::Public, &home),
            Channel::new("C0OPS", "ops", ChannelKind::Public, &home),
            Channel::new("C0RANDOM", "random", ChannelKind::Public, &home),
            partners,
        ];
        let bot_channels = ["general", "feeds-alerts", "ops", "ext-partners"].map(str::to_owned).into();
        Self { team, users, channels, bot_channels }
    }
}
