//! Pods, the worst first.

use super::super::kit;
use super::super::words::{bold, count, said};
use super::{Doubt, doubts};
use crate::core::time::{Timestamp, spoken};
use crate::slack::message::Message;

/// What the answer to `/wk pods` is made from.
#[derive(Clone, Debug)]
pub struct PodsView<'a> {
    /// In the order to show, the worst first.
    pub pods: &'a [PodLine<'a>],
    /// What was asked for, as typed.
    pub filter: Option<&'a str>,
    pub doubts: &'a [Doubt],
    pub now: Timestamp,
}

#[derive(Clone, Debug)]
pub struct PodLine<'a> {
    pub cluster: &'a str,
    pub namespace: &'a str,
    pub name: &'a str,
    /// `CrashLoopBackOff`; `None` while it is well.
    pub complaint: Option<String>,
    /// It ran to its end, as it should.
    pub done: bool,
    /// Ready containers, of all.
    pub ready: (usize, usize),
    pub restarts: u32,
    pub node: Option<&'a str>,
    /// By the cluster's clock.
    pub age: Option<std::time::Duration>,
}

const SHOWN: usize = 25;
/// With a button of its own.
const BUTTONS: usize = 5;

#[must_use]
pub fn pods(view: &PodsView) -> Message {
    let PodsView { pods, filter, now, .. } = view;
    let of = filter.map_or_else(String::new, |filter| format!(" matching {}", bold(filter)));
    if pods.is_empty() {
        let text = format!("No pod runs{of}. `/wk pods` lists all.");
        let mut blocks = vec![kit::section(&text)];
        blocks.extend(doubts(view.doubts, *now));
        return kit::message(&text, &blocks, None);
    }
    let bad = pods.iter().filter(|pod| pod.complaint.is_some()).count();
    let heading = if bad == 0 {
        format!("✅ {}{of}, all well", count(pods.len(), "pod"))
    } else {
        format!("⚠️ {bad} of {}{of} not well", count(pods.len(), "pod"))
    };
    let mut blocks = vec![kit::section(&format!("*Pods*  {heading}"))];
    blocks.extend(doubts(view.doubts, *now));
    let with_buttons = pods.iter().take_while(|pod| pod.complaint.is_some()).take(BUTTONS).count();
    let (first, rest) = pods[..pods.len().min(SHOWN)].split_at(with_buttons);
    blocks.extend(first.iter().enumerate().map(|(nth, pod)| {
        let command = format!("logs {} -n {} -c {}", pod.name, pod.namespace, pod.cluster);
        kit::section_with(&line(pod), kit::run("Logs", command).map(|button| kit::nth(button, nth)))
    }));
    let rest: Vec<_> = rest.iter().map(line).collect();
    blocks.extend(rest.chunks(6).map(|lines| kit::section(&lines.join("\n"))));
    if pods.len() > SHOWN {
        let more = pods.len() - SHOWN;
        blocks.push(kit::context(&format!("and {more} more; narrow them down: `/wk pods hermes -n feeds`")));
    }
    kit::message(&heading, &blocks, None)
}

fn line(pod: &PodLine) -> String {
    let PodLine { cluster, namespace, name, complaint, done, ready: (ready, all), restarts, node, age } = pod;
    let emoji = match (complaint, done) {
        (Some(_), _) => "🔴",
        (None, true) => "⚪",
        (None, false) => "🟢",
    };
    let state = match complaint {
        Some(complaint) => format!("*{}*", said(complaint, 60)),
        None if *done => "done".to_owned(),
        None => format!("{ready}/{all}"),
    };
    let mut parts = vec![state];
    if *restarts > 0 {
        parts.push(count(usize::try_from(*restarts).unwrap_or(usize::MAX), "restart"));
    }
    parts.extend(age.map(spoken));
    parts.extend(node.map(|node| said(node, 60)));
    parts.push(format!("{} · {}", said(namespace, 60), said(cluster, 60)));
    format!("{emoji} {}\n{}", bold(name), parts.join(" · "))
}
