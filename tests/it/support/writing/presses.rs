//! Buttons under messages, pressed while things are done to the process.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use watchkeeper::clock::{Clock, SystemClock};
use watchkeeper::sim::slack::deliver::Kind;
use watchkeeper::sim::slack::elements;

use super::{AGAIN, LATE, Told, Writer, texts};

const BUTTON: &str = "Acknowledge";

impl Writer {
    /// Acknowledges the next alert of others that is said and that nobody has pressed under, if there is one; now and then
    /// the press comes twice.
    pub async fn press_one(self, url: String) {
        let Some((name, message)) = self.unpressed().await else { return };
        let number = self.numbers.fetch_add(1, Ordering::SeqCst);
        let payload = self.press(&name, &message);
        let request = self.slack.signed_request(Kind::Interaction, &payload, SystemClock::new(1).now().as_secs());
        let mut taken = Told::Nothing;
        for _ in 0..=usize::from(number.is_multiple_of(AGAIN)) {
            let told = self.send(&url, &request).await;
            taken = if taken == Told::Yes { taken } else { told };
        }
        self.presses.lock().await.insert(name, taken);
    }

    async fn unpressed(&self) -> Option<(String, Value)> {
        let told_of = self.told_of.lock().await.clone();
        let mut presses = self.presses.lock().await;
        let messages = self.slack.messages("feeds-alerts");
        let of = |name: &String| {
            let mut messages =
                messages.iter().filter(|message| elements::find(&elements::blocks_of(message), BUTTON, None).is_some());
            messages.find(|message| message.to_string().contains(name.as_str())).cloned()
        };
        let next =
            told_of.iter().filter(|name| !presses.contains_key(*name)).find_map(|name| Some((name.clone(), of(name)?)));
        if let Some((name, _)) = &next {
            presses.insert(name.clone(), Told::Nothing);
        }
        next
    }

    fn press(&self, name: &str, message: &Value) -> Value {
        let pressed = elements::used(&elements::blocks_of(message), &json!({ "action_id": BUTTON })).unwrap();
        let ts = &message["ts"];
        json!({
            "type": "block_actions", "api_app_id": "A0WATCHKEEP", "team": {"id": "T0WKLABS"},
            "user": {"id": "U0ALICE", "team_id": "T0WKLABS"}, "trigger_id": format!("1.2.{name}"),
            "container": {"type": "message", "message_ts": ts, "channel_id": "C0ALERTS"},
            "channel": {"id": "C0ALERTS"}, "message": message, "response_url": self.slack.api_url(),
            "actions": [pressed],
        })
    }

    /// How many presses were taken; each of those is done once, and none is done twice.
    pub async fn presses_done_once(&self, database: &str) -> usize {
        let late = texts(database, LATE).await;
        let done = texts(database, "SELECT detail FROM audit WHERE action = 'alert.acknowledged'").await;
        let mut taken = 0;
        for (name, told) in
            self.presses.lock().await.iter().filter(|(name, _)| !late.contains(&format!("action:1.2.{name}")))
        {
            let times = done.iter().filter(|detail| detail.contains(name.as_str())).count();
            assert!(
                times == 1 || times == 0 && *told != Told::Yes,
                "{name} was pressed ({told:?}) and done {times} times"
            );
            taken += usize::from(*told == Told::Yes);
        }
        taken
    }
}
