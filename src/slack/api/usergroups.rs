//! `usergroups.users.*`: who `@oncall` is.

use serde_json::Value;

use super::{ApiError, Fields, WebApi};
use crate::core::ids::{UserGroupId, UserId};

impl WebApi {
    /// Everybody in the group.
    pub async fn usergroups_users_list(&self, group: &UserGroupId) -> Result<Vec<UserId>, ApiError> {
        let body = self.call("usergroups.users.list", Fields::new().set("usergroup", group.as_str())).await?.body;
        let users = body.get("users").and_then(Value::as_array);
        let users = users.ok_or_else(|| ApiError::Unknown { reason: "the answer has no users".to_owned() })?;
        Ok(users.iter().filter_map(Value::as_str).map(UserId::new).collect())
    }

    /// Replaces the whole list, which cannot be emptied. Workspaces may keep this from apps (`permission_denied`).
    pub async fn usergroups_users_update<'a>(
        &self,
        group: &UserGroupId,
        users: impl Iterator<Item = &'a UserId>,
    ) -> Result<(), ApiError> {
        let users: Vec<&str> = users.map(UserId::as_str).collect();
        let fields = Fields::new().set("usergroup", group.as_str()).set("users", &users.join(","));
        self.call("usergroups.users.update", fields).await.map(drop)
    }
}
