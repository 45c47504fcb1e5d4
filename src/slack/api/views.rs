//! `views.*`: modals and the App Home.

use serde_json::Value;

use super::{ApiError, Fields, WebApi, optional, required};
use crate::core::ids::UserId;
use crate::slack::message::View;

/// An open view: `hash` makes the next update fail with `hash_conflict` if somebody else updated in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewHandle {
    pub id: String,
    pub hash: Option<String>,
}

impl WebApi {
    /// Opens a modal. A trigger id lives three seconds and works once.
    pub async fn views_open(&self, trigger_id: &str, view: &View) -> Result<ViewHandle, ApiError> {
        self.view("views.open", Fields::new().set("trigger_id", trigger_id), view).await
    }

    /// Puts a modal on top of the one open; three at most.
    pub async fn views_push(&self, trigger_id: &str, view: &View) -> Result<ViewHandle, ApiError> {
        self.view("views.push", Fields::new().set("trigger_id", trigger_id), view).await
    }

    pub async fn views_update(&self, view_id: &str, hash: Option<&str>, view: &View) -> Result<ViewHandle, ApiError> {
        self.view("views.update", Fields::new().set("view_id", view_id).set_if("hash", hash), view).await
    }

    /// Sets a person's App Home tab.
    pub async fn views_publish(&self, user: &UserId, hash: Option<&str>, view: &View) -> Result<ViewHandle, ApiError> {
        self.view("views.publish", Fields::new().set("user_id", user.as_str()).set_if("hash", hash), view).await
    }

    async fn view(&self, method: &str, fields: Fields, view: &View) -> Result<ViewHandle, ApiError> {
        let View(view) = view;
        let reply = self.call(method, fields.json("view", view)).await?;
        handle(&reply.body)
    }
}

pub(super) fn handle(body: &Value) -> Result<ViewHandle, ApiError> {
    Ok(ViewHandle { id: required(body, "/view/id")?.to_owned(), hash: optional(body, "/view/hash") })
}
