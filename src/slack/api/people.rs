//! Who we are and who they are: `auth.test`, `users.info`, and the door to Socket Mode.

use reqwest::header::{DATE, HeaderMap};
use serde_json::Value;

use super::{ApiError, Fields, WebApi, flag, optional, required};
use crate::core::ids::{TeamId, UserId};
use crate::core::time::Timestamp;

/// What the bot token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub team: TeamId,
    pub team_name: Option<String>,
    /// The workspace's address, `https://….slack.com/`.
    pub url: Option<String>,
    pub bot_user: UserId,
    pub bot_id: Option<String>,
    pub enterprise: Option<TeamId>,
    pub is_enterprise_install: bool,
    /// Scopes the token was granted (header `x-oauth-scopes`).
    pub scopes: Vec<String>,
    /// Slack's clock, to compare ours with.
    pub server_time: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub id: UserId,
    pub team: Option<TeamId>,
    /// Of whoever belongs to an organization of several workspaces: that, and the workspaces they are in.
    pub enterprise: Option<TeamId>,
    pub teams: Vec<TeamId>,
    /// The display name, or the full name of those who set none.
    pub name: String,
    /// IANA time zone.
    pub tz: Option<String>,
    pub standing: Standing,
}

/// What a person is to the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Member,
    /// Of one or some channels only.
    Guest,
    /// Slack's own word: of another organisation, and in no channel that the bot shares. Who is in one is told by
    /// [`Person::elsewhere`].
    Stranger,
    Bot,
    Deactivated,
}

impl Person {
    /// Whether they belong to no workspace of ours. In channels shared with another company its people are no strangers to
    /// Slack, so their workspace is compared; siblings of one organization belong together.
    #[must_use]
    pub fn elsewhere(&self, home: &TeamId, enterprise: Option<&TeamId>) -> bool {
        let sibling = enterprise.is_some_and(|ours| self.enterprise.as_ref() == Some(ours));
        let ours = self.team.as_ref() == Some(home) || self.teams.contains(home) || sibling;
        self.standing == Standing::Stranger || !ours
    }
}

impl WebApi {
    pub async fn auth_test(&self) -> Result<Identity, ApiError> {
        let reply = self.call("auth.test", Fields::new()).await?;
        let body = &reply.body;
        Ok(Identity {
            team: TeamId::new(required(body, "/team_id")?),
            team_name: optional(body, "/team"),
            url: optional(body, "/url"),
            bot_user: UserId::new(required(body, "/user_id")?),
            bot_id: optional(body, "/bot_id"),
            enterprise: optional(body, "/enterprise_id").map(TeamId::new),
            is_enterprise_install: flag(body, "/is_enterprise_install"),
            scopes: scopes(&reply.headers),
            server_time: date(&reply.headers),
        })
    }

    pub async fn users_info(&self, user: &UserId) -> Result<Person, ApiError> {
        let body = self.call("users.info", Fields::new().set("user", user.as_str())).await?.body;
        person(&body)
    }

    /// Whoever has this address; `users_not_found` when nobody does.
    pub async fn users_lookup_by_email(&self, address: &str) -> Result<Person, ApiError> {
        let body = self.call("users.lookupByEmail", Fields::new().set("email", address)).await?.body;
        person(&body)
    }

    /// The address of one new Socket Mode connection. It holds a ticket: do not log it.
    pub async fn apps_connections_open(&self) -> Result<String, ApiError> {
        let Some(token) = &self.app_token else {
            let messages = vec!["Socket Mode needs an app-level token (xapp-…) with connections:write".to_owned()];
            return Err(ApiError::Refused { code: "not_authed".to_owned(), messages });
        };
        let reply = self.call_as(token, "apps.connections.open", Fields::new()).await?;
        required(&reply.body, "/url").map(str::to_owned)
    }
}

pub(super) fn person(body: &Value) -> Result<Person, ApiError> {
    let names = ["/user/profile/display_name", "/user/real_name", "/user/profile/real_name", "/user/name"];
    let id = required(body, "/user/id")?;
    let teams = body.pointer("/user/enterprise_user/teams").and_then(Value::as_array).map(Vec::as_slice);
    Ok(Person {
        id: UserId::new(id),
        team: optional(body, "/user/team_id").map(TeamId::new),
        enterprise: optional(body, "/user/enterprise_user/enterprise_id").map(TeamId::new),
        teams: teams.unwrap_or_default().iter().filter_map(Value::as_str).map(TeamId::new).collect(),
        name: names.iter().find_map(|name| optional(body, name)).unwrap_or_else(|| id.to_owned()),
        tz: optional(body, "/user/tz"),
        standing: standing(body),
    })
}

fn standing(body: &Value) -> Standing {
    let is = |name: &str| flag(body, &format!("/user/{name}"));
    if is("deleted") {
        Standing::Deactivated
    } else if is("is_bot") {
        Standing::Bot
    } else if is("is_stranger") {
        Standing::Stranger
    } else if is("is_restricted") || is("is_ultra_restricted") {
        Standing::Guest
    } else {
        Standing::Member
    }
}

fn scopes(headers: &HeaderMap) -> Vec<String> {
    let listed = headers.get("x-oauth-scopes").and_then(|value| value.to_str().ok()).unwrap_or_default();
    listed.split(',').map(str::trim).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(DATE)?.to_str().ok()?;
    let at = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Timestamp::from_millis(at.timestamp().as_millisecond()))
}
