//! Uploading a file, in Slack's three steps (<https://docs.slack.dev/messaging/working-with-files#upload>).

use serde_json::json;

use super::{ApiError, Fields, WebApi, reply, required};
use crate::core::ids::{ChannelId, MessageTs};

/// Bytes take longer than words.
const UPLOAD_TIMEOUT_FACTOR: u32 = 3;

/// A file to upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// With its extension: Slack tells the type by it.
    pub filename: String,
    pub title: String,
    /// What the picture shows, for those who cannot see it.
    pub alt_text: String,
    pub bytes: Vec<u8>,
}

/// Where to show the file; Slack does not say which message that made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    pub channel: ChannelId,
    pub thread_ts: Option<MessageTs>,
    pub comment: Option<String>,
}

impl WebApi {
    /// The new file's id. Without `share` nobody sees it until a block names the id (`slack_file`).
    pub async fn upload_file(&self, upload: &Upload, share: Option<&Share>) -> Result<String, ApiError> {
        let fields = Fields::new()
            .set("filename", &upload.filename)
            .set("length", &upload.bytes.len().to_string())
            .set("alt_txt", &upload.alt_text);
        let place = self.call("files.getUploadURLExternal", fields).await.map_err(ApiError::without_effect)?.body;
        let (url, file_id) = (required(&place, "/upload_url")?, required(&place, "/file_id")?);

        let request = self.http.post(url).timeout(self.timeout.saturating_mul(UPLOAD_TIMEOUT_FACTOR));
        let sent = reply::receive(request.body(upload.bytes.clone())).await.map_err(ApiError::without_effect)?;
        if !sent.status.is_success() {
            return Err(reply::http_refused(sent.status));
        }

        let mut fields = Fields::new().json("files", &json!([{"id": file_id, "title": upload.title}]));
        if let Some(Share { channel, thread_ts, comment }) = share {
            fields = fields
                .set("channel_id", channel.as_str())
                .set_if("thread_ts", thread_ts.as_ref().map(MessageTs::as_str))
                .set_if("initial_comment", comment.as_deref());
        }
        self.call("files.completeUploadExternal", fields).await?;
        Ok(file_id.to_owned())
    }
}
