//! Who may change something from Slack. Reading is open to everyone in the workspace.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ids::{TeamId, UserId};

/// People are known by user id and workspace, never by channel or e-mail: in a channel shared with another company,
/// its people can see and press every button.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Access {
    /// Workspaces whose people count as colleagues; the bot's own when empty.
    pub teams: Vec<TeamId>,
    /// Who may acknowledge and silence; everyone in the workspaces when empty.
    pub responders: Vec<UserId>,
}

/// Why somebody may not do what they asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("only people of this workspace can do that")]
    Stranger,
    /// Just started, and Slack has not said yet which workspace is ours.
    #[error("the bot does not know its own workspace yet; try again in a moment")]
    HomeUnknown,
    #[error("only responders can do that; ask a team lead to add you to `access.responders`")]
    NotResponder,
}

impl Access {
    /// `home` is the bot's own workspace. An unknown team (org-wide installs send none for some inputs) counts as ours:
    /// Slack signed the request for this app.
    ///
    /// # Errors
    /// They are of another workspace, or ours is not known yet.
    pub fn colleague(&self, team: Option<&TeamId>, home: Option<&TeamId>) -> Result<(), Denied> {
        let Some(team) = team else { return Ok(()) };
        let ours = match (self.teams.as_slice(), home) {
            ([], None) => return Err(Denied::HomeUnknown),
            ([], Some(home)) => home == team,
            (teams, _) => teams.contains(team),
        };
        if ours { Ok(()) } else { Err(Denied::Stranger) }
    }

    /// # Errors
    /// When `user` of `team` may not acknowledge or silence.
    pub fn respond(&self, user: &UserId, team: Option<&TeamId>, home: Option<&TeamId>) -> Result<(), Denied> {
        self.colleague(team, home)?;
        if self.responders.is_empty() || self.responders.contains(user) { Ok(()) } else { Err(Denied::NotResponder) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(teams: &[&str], responders: &[&str]) -> Access {
        Access {
            teams: teams.iter().map(|t| TeamId::new(*t)).collect(),
            responders: responders.iter().map(|u| UserId::new(*u)).collect(),
        }
    }

    fn ask(access: &Access, user: &str, team: Option<&str>) -> Result<(), Denied> {
        access.respond(&UserId::new(user), team.map(TeamId::new).as_ref(), Some(&TeamId::new("THOME")))
    }

    #[test]
    fn colleagues_may_respond_and_strangers_in_shared_channels_may_not() {
        assert_eq!(ask(&access(&[], &[]), "U1", Some("THOME")), Ok(()));
        assert_eq!(ask(&access(&[], &[]), "U1", None), Ok(()));
        assert_eq!(ask(&access(&[], &[]), "U1", Some("TELSE")), Err(Denied::Stranger));
        assert_eq!(ask(&access(&["TELSE"], &[]), "U1", Some("TELSE")), Ok(()));
    }

    #[test]
    fn nobody_is_a_colleague_before_the_home_is_known() {
        let ask = |access: &Access| access.respond(&UserId::new("U1"), Some(&TeamId::new("T1")), None);
        assert_eq!(ask(&access(&[], &[])), Err(Denied::HomeUnknown));
        assert_eq!(ask(&access(&["T1"], &[])), Ok(()));
    }

    #[test]
    fn a_list_of_responders_leaves_everyone_else_out_even_by_name_of_another_workspace() {
        let access = access(&[], &["U1"]);
        assert_eq!(ask(&access, "U1", Some("THOME")), Ok(()));
        assert_eq!(ask(&access, "U2", Some("THOME")), Err(Denied::NotResponder));
        assert_eq!(ask(&access, "U1", Some("TELSE")), Err(Denied::Stranger));
    }
}
