//! files.*: the three-step upload, and what can be known of a file.

use serde_json::{Value, json};

use super::super::limits::Tier;
use super::super::message::Content;
use super::super::state::{File, Out, State};
use super::{Answer, Ask, Method, Refusal};

pub const METHODS: &[Method] = &[
    Method::new("files.getUploadURLExternal", &["files:write"], Tier::Four, start),
    Method::new("files.completeUploadExternal", &["files:write"], Tier::Four, complete),
    Method::new("files.info", &["files:read"], Tier::Four, info),
    Method::new("files.delete", &["files:write"], Tier::Three, delete),
];

fn start(ask: &mut Ask) -> Answer {
    let name = ask.args.need("filename")?.to_owned();
    let length = ask.args.number("length").filter(|length| *length > 0);
    let length = length.ok_or_else(|| Refusal::arguments("missing required field: length"))?;
    let id = ask.state.mint("F");
    let file = File {
        id: id.clone(),
        title: name.clone(),
        mimetype: mimetype(&name).to_owned(),
        name,
        user: ask.app.bot_user.clone(),
        created: ask.now.as_secs(),
        length,
        bytes: Vec::new(),
        complete: false,
        channels: Vec::new(),
    };
    ask.state.files.insert(id.clone(), file);
    Ok(json!({"upload_url": format!("{}/upload/v1/{id}", ask.base), "file_id": id}))
}

fn complete(ask: &mut Ask) -> Answer {
    let files = ask.args.json("files").ok().flatten();
    let files = files.as_ref().and_then(Value::as_array).filter(|files| !files.is_empty());
    let files = files.ok_or_else(|| Refusal::arguments("missing required field: files"))?;
    let mut channels = ask.args.list("channels");
    channels.extend(ask.args.str("channel_id").map(str::to_owned));
    for channel in &channels {
        let member = ask.state.channel(channel).ok_or("channel_not_found")?.has(&ask.app.bot_user);
        if !member {
            return Err("not_in_channel".into());
        }
    }
    let mut ids = Vec::new();
    for asked in files {
        let id = asked["id"].as_str().unwrap_or_default();
        let file = ask.state.files.get_mut(id).filter(|f| f.bytes.len() == f.length).ok_or("file_not_found")?;
        file.complete = true;
        file.channels.clone_from(&channels);
        if let Some(title) = asked["title"].as_str() {
            title.clone_into(&mut file.title);
        }
        ids.push(id.to_owned());
    }
    let shown: Vec<Value> = ids.iter().filter_map(|id| ask.state.file_json(id)).collect();
    for channel in &channels {
        let content = Content {
            files: ids.clone(),
            subtype: Some("file_share".to_owned()),
            ..Content::text(ask.args.str("initial_comment").unwrap_or_default())
        };
        let content = content.in_thread(ask.args.str("thread_ts").map(str::to_owned));
        ask.state.post(channel, &ask.app.bot_user, true, content, ask.now);
    }
    Ok(json!({"files": shown}))
}

fn info(ask: &mut Ask) -> Answer {
    let id = ask.args.need("file")?;
    let file = ask.state.files.get(id).filter(|f| f.complete).and_then(|_| ask.state.file_json(id));
    Ok(json!({"file": file.ok_or("file_not_found")?}))
}

fn delete(ask: &mut Ask) -> Answer {
    let id = ask.args.need("file")?;
    ask.state.files.remove(id).ok_or("file_not_found")?;
    Ok(json!({}))
}

fn mimetype(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "svg" => "image/svg+xml",
        "csv" => "text/csv",
        "json" => "application/json",
        "txt" | "log" | "md" => "text/plain",
        _ => "application/octet-stream",
    }
}

impl State {
    pub fn file_json(&self, id: &str) -> Option<Value> {
        let file = self.files.get(id)?;
        let private = format!("/files/{id}");
        Some(json!({
            "id": file.id, "name": file.name, "title": file.title, "mimetype": file.mimetype, "user": file.user,
            "created": file.created, "timestamp": file.created, "size": file.bytes.len(), "mode": "hosted",
            "filetype": file.name.rsplit('.').next(), "is_external": false, "is_public": !file.channels.is_empty(),
            "url_private": private, "url_private_download": private, "permalink": private, "channels": file.channels,
            "groups": [], "ims": [],
        }))
    }

    /// Whether a `slack_file` (id or URL) can be shown in an image block.
    pub fn shows(&self, named: &str) -> bool {
        let id = named.rsplit('/').next().unwrap_or(named);
        self.files.get(id).is_some_and(|f| f.complete && f.mimetype.starts_with("image/"))
    }

    /// Takes the bytes of the second step.
    pub fn receive_file(&mut self, id: &str, bytes: &[u8]) -> Result<usize, &'static str> {
        let file = self.files.get_mut(id).filter(|f| !f.complete).ok_or("file_not_found")?;
        if file.length != bytes.len() {
            return Err("length does not match");
        }
        file.bytes = bytes.to_vec();
        let json = self.file_json(id);
        self.out.push(Out::Live { to: None, push: json!({"type": "file", "file": json}) });
        Ok(bytes.len())
    }
}
