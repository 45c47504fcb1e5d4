//! All clusters at a glance, problems first; and their nodes.

use super::super::kit;
use super::super::words::{bold, count, fitting, said};
use super::{Doubt, doubts};
use crate::core::time::Timestamp;
use crate::core::workload::Kind;
use crate::core::workload::problems::{Problem, Weight};
use crate::slack::message::Message;

/// What the answer to `/wk cluster` is made from.
#[derive(Clone, Debug)]
pub struct ClustersView<'a> {
    /// In the order to show.
    pub clusters: &'a [ClusterLine<'a>],
    pub doubts: &'a [Doubt],
    pub now: Timestamp,
}

#[derive(Clone, Debug)]
pub struct ClusterLine<'a> {
    pub name: &'a str,
    /// `v1.34.2`; empty when it does not say.
    pub version: &'a str,
    /// Good ones, of all.
    pub nodes: (usize, usize),
    pub pods: (usize, usize),
    pub workloads: (usize, usize),
    /// The worst first.
    pub problems: Vec<Problem>,
}

/// Of each cluster when several are shown, and of one.
const PROBLEMS: [usize; 2] = [5, 15];
const CLUSTERS: usize = 10;

#[must_use]
pub fn clusters(view: &ClustersView) -> Message {
    let ClustersView { clusters, now, .. } = view;
    let heading = heading(view);
    let mut blocks = vec![kit::section(&format!("*{heading}*"))];
    blocks.extend(doubts(view.doubts, *now));
    let alone = clusters.len() == 1;
    let most = PROBLEMS[usize::from(alone)];
    let mut nth = 0;
    for line in clusters.iter().take(CLUSTERS) {
        let text = overview(line);
        let button = (!alone).then(|| kit::run("Show", format!("cluster {}", line.name))).flatten();
        blocks.push(kit::section_with(&text, button));
        if alone {
            for problem in line.problems.iter().take(most) {
                let button = shown_by(problem, line.name).and_then(|command| kit::run("Show", command));
                nth += 1;
                blocks.push(kit::section_with(&problem_line(problem), button.map(|button| kit::nth(button, nth))));
            }
        } else if !line.problems.is_empty() {
            let (lines, _) = fitting(line.problems.iter().map(problem_line), most, 1500);
            blocks.push(kit::section(&lines.join("\n")));
        }
        if line.problems.len() > most {
            blocks.push(kit::context(&format!("and {} more", line.problems.len() - most)));
        }
    }
    if clusters.len() > CLUSTERS {
        blocks.push(kit::context(&format!("and {}", count(clusters.len() - CLUSTERS, "more cluster"))));
    }
    kit::message(&heading, &blocks, None)
}

fn heading(view: &ClustersView) -> String {
    let bad = |problem: &&Problem| problem.weight < Weight::Noted;
    let problems = view.clusters.iter().flat_map(|line| &line.problems).filter(bad).count();
    let of = count(view.clusters.len(), "cluster");
    match (problems, view.doubts.is_empty()) {
        (0, true) => format!("✅ {of}: all well"),
        (0, false) => format!("⚠️ {of}: nothing wrong that I can see"),
        (problems, _) => format!("⚠️ {of}: {}", count(problems, "problem")),
    }
}

fn overview(line: &ClusterLine) -> String {
    let ClusterLine { name, version, nodes, pods, workloads, problems } = line;
    let emoji = match problems.first().map(|problem| problem.weight) {
        Some(Weight::Down) => "🔴",
        Some(Weight::Impaired) => "🟠",
        Some(Weight::Noted) | None => "🟢",
    };
    let of = |(well, all): &(usize, usize), what: &str| {
        if well == all { count(*all, what) } else { format!("*{well} of {}*", count(*all, what)) }
    };
    let version = if version.is_empty() { String::new() } else { format!("  {}", said(version, 30)) };
    format!(
        "{emoji} {}{version}\n{} ready · {} well · {} well",
        bold(name),
        of(nodes, "node"),
        of(workloads, "workload"),
        of(pods, "pod")
    )
}

fn problem_line(problem: &Problem) -> String {
    let emoji = match problem.weight {
        Weight::Down => "🔴",
        Weight::Impaired => "🟠",
        Weight::Noted => "🔵",
    };
    let place = if problem.id.namespace.is_empty() {
        String::new()
    } else {
        format!(" in {}", said(&problem.id.namespace, 60))
    };
    let kind = said(&problem.id.kind.as_str().to_lowercase(), 30);
    format!("{emoji} {kind} {}{place}: {}", bold(&problem.id.name), said(&problem.what, 200))
}

/// The command that shows more of it.
fn shown_by(problem: &Problem, cluster: &str) -> Option<String> {
    let id = &problem.id;
    match id.kind {
        Kind::Node => Some(format!("nodes -c {cluster}")),
        Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet | Kind::CronJob | Kind::Job => {
            Some(format!("workload {}/{} -n {} -c {cluster}", id.kind.as_str().to_lowercase(), id.name, id.namespace))
        }
        _ => None,
    }
}

/// What the answer to `/wk nodes` is made from.
#[derive(Clone, Debug)]
pub struct NodesView<'a> {
    /// In the order to show, the worst first.
    pub nodes: &'a [NodeLine<'a>],
    pub doubts: &'a [Doubt],
    pub now: Timestamp,
}

#[derive(Clone, Debug)]
pub struct NodeLine<'a> {
    pub cluster: &'a str,
    pub name: &'a str,
    /// `None` while it is well.
    pub trouble: Option<String>,
    pub cordoned: bool,
    /// Well ones, of all on it.
    pub pods: (usize, usize),
    pub version: &'a str,
}

const NODES: usize = 30;

#[must_use]
pub fn nodes(view: &NodesView) -> Message {
    let NodesView { nodes, now, .. } = view;
    let ready = nodes.iter().filter(|node| node.trouble.is_none()).count();
    let heading = if ready == nodes.len() {
        format!("✅ {} ready", count(nodes.len(), "node"))
    } else {
        format!("⚠️ {ready} of {} ready", count(nodes.len(), "node"))
    };
    let mut blocks = vec![kit::section(&format!("*{heading}*"))];
    blocks.extend(doubts(view.doubts, *now));
    let lines: Vec<_> = nodes.iter().take(NODES).map(node_line).collect();
    blocks.extend(lines.chunks(10).map(|lines| kit::section(&lines.join("\n"))));
    if nodes.len() > NODES {
        blocks
            .push(kit::context(&format!("and {} more; ask for one cluster: `/wk nodes -c prod`", nodes.len() - NODES)));
    }
    kit::message(&heading, &blocks, None)
}

fn node_line(node: &NodeLine) -> String {
    let NodeLine { cluster, name, trouble, cordoned, pods: (well, all), version } = node;
    let emoji = match (trouble, cordoned) {
        (Some(_), _) => "🔴",
        (None, true) => "🚧",
        (None, false) => "🟢",
    };
    let trouble = trouble.as_ref().map_or_else(String::new, |it| format!(" · *{}*", said(it, 100)));
    let cordoned = if *cordoned { " · cordoned" } else { "" };
    let pods = if well == all { count(*all, "pod") } else { format!("{well} of {} well", count(*all, "pod")) };
    let about = format!("{} · {}", said(version, 30), said(cluster, 60));
    format!("{emoji} {}{trouble}{cordoned} · {pods} · {about}", bold(name))
}
