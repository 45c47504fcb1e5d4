//! The three-step upload.

use serde_json::{Value, json};

use super::Bench;

async fn upload(bench: &Bench, bytes: &'static [u8], share: Value) -> String {
    let start = json!({"filename": "price.png", "length": 4});
    let started = bench.call("files.getUploadURLExternal", start).await;
    bench.http.post(started["upload_url"].as_str().unwrap()).body(bytes).send().await.unwrap();
    let id = started["file_id"].as_str().unwrap().to_owned();
    let mut complete = json!({"files": [{"id": id, "title": "SOL/USD"}]});
    complete.as_object_mut().unwrap().extend(share.as_object().unwrap().clone());
    bench.call("files.completeUploadExternal", complete).await;
    id
}

#[tokio::test]
async fn an_uploaded_image_can_stand_in_a_message() {
    let bench = Bench::open().await;
    let block = |id: &str| json!([{"type": "image", "slack_file": {"id": id}, "alt_text": "price"}]);
    let post = |id: &str| json!({"channel": "C0OPS", "text": "chart", "blocks": block(id)});
    assert_eq!(bench.error("chat.postMessage", post("F0UNKNOWN")).await, "invalid_blocks");
    let id = upload(&bench, b"\x89PNG", json!({})).await;
    assert_eq!(bench.call("chat.postMessage", post(&id)).await["ok"], true);
    let served = bench.http.get(format!("{}/files/{id}", bench.slack.url())).send().await.unwrap();
    assert_eq!(served.headers()["content-type"], "image/png");
    assert_eq!(&served.bytes().await.unwrap()[..], b"\x89PNG");
}

#[tokio::test]
async fn a_file_shared_into_a_channel_becomes_a_message() {
    let bench = Bench::open().await;
    upload(&bench, b"\x89PNG", json!({"channel_id": "C0OPS", "initial_comment": "look"})).await;
    let message = bench.slack.messages("#ops").pop().unwrap();
    assert_eq!((&message["text"], &message["files"][0]["title"]), (&json!("look"), &json!("SOL/USD")));
}

#[tokio::test]
async fn a_file_of_another_length_than_announced_is_never_complete() {
    let bench = Bench::open().await;
    let id = upload(&bench, b"too long", json!({})).await;
    assert_eq!(bench.error("files.info", json!({"file": id})).await, "file_not_found");
}
