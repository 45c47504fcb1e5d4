//! The outbox, on both databases.

use std::collections::BTreeSet;

use super::super::messages::{self, MessageRef};
use super::super::testing::{Fresh, on_both_databases};
use super::*;
use crate::core::ids::{ChannelId, MessageTs};

const TTL: Duration = Duration::from_mins(1);

on_both_databases!(
    eight_workers_claim_each_of_200_jobs_once,
    a_lane_keeps_its_order_also_through_a_retry,
    a_critical_job_goes_first_in_its_lane_and_its_lane_before_others,
    a_critical_line_takes_along_what_was_said_before_it_in_its_thread,
    a_critical_job_does_not_overtake_one_under_way_in_its_lane,
    an_untried_job_takes_the_newer_payload_in_its_place,
    a_job_that_was_tried_is_never_changed,
    coalescing_stays_within_lane_and_kind,
    an_older_look_is_known_when_an_urgent_one_overtook_it,
    a_worker_that_died_leaves_an_interrupted_job,
    an_unknown_effect_comes_back_as_interrupted,
    a_deferred_job_was_not_tried,
    a_holder_that_starts_again_gets_its_jobs_at_once,
    a_clock_that_went_back_puts_nothing_off_for_long,
    hastening_leaves_others_what_they_are_at_work_on,
    of_what_was_given_up_in_one_place_the_newest_is_kept,
    a_late_worker_cannot_settle_what_another_took,
    a_dead_letter_frees_its_lane_and_can_be_revived,
    the_next_due_moment_is_that_of_the_lane_heads,
    what_is_done_is_pruned,
);

fn job(db: &Fresh, id: &str, lane: &str) -> NewJob {
    NewJob {
        id: JobId::new(id),
        lane: lane.into(),
        priority: 1,
        kind: "post".into(),
        payload: id.into(),
        not_before: db.now,
        coalesce: None,
        thread: None,
        created_at: db.now,
    }
}

async fn queue(db: &Fresh, jobs: &[NewJob]) -> Vec<Enqueued> {
    let mut tx = db.store.begin().await.unwrap();
    let mut done = Vec::new();
    for job in jobs {
        done.push(enqueue(&mut tx, job).await.unwrap());
    }
    tx.commit().await.unwrap();
    done
}

async fn claimed(db: &Fresh, at: Timestamp) -> Vec<Job> {
    claim(&db.store, "w", at, TTL, 10).await.unwrap()
}

fn ids(jobs: &[Job]) -> Vec<&str> {
    jobs.iter().map(|job| job.id.as_str()).collect()
}

macro_rules! commit {
    ($db:expr, $settle:ident, $($argument:expr),+) => {{
        let mut tx = $db.store.begin().await.unwrap();
        $settle(&mut tx, $($argument),+).await.unwrap();
        tx.commit().await.unwrap();
    }};
}

async fn eight_workers_claim_each_of_200_jobs_once(db: Fresh) {
    let jobs: Vec<_> = (0..200).map(|n| job(&db, &format!("{n:03}"), &format!("lane{}", n % 40))).collect();
    queue(&db, &jobs).await;
    let workers: Vec<_> = (0..8).map(|n| tokio::spawn(work(db.store.clone(), format!("w{n}"), db.now))).collect();
    let mut done = Vec::new();
    for worker in workers {
        done.extend(worker.await.unwrap());
    }
    assert_eq!(done.len(), 200);
    assert_eq!(done.iter().collect::<BTreeSet<_>>().len(), 200);
    assert_eq!(depth(&db.store).await.unwrap(), Depth::default());
    assert_eq!(db.tamper("DELETE FROM jobs WHERE payload <> ''").await, 0, "what was said is not kept");
}

/// Claims and settles until nothing is queued.
async fn work(store: Store, name: String, now: Timestamp) -> Vec<JobId> {
    let mut done = Vec::new();
    while depth(&store).await.unwrap().queued() > 0 {
        for job in claim(&store, &name, now, TTL, 5).await.unwrap() {
            let mut tx = store.begin().await.unwrap();
            succeed(&mut tx, &job, now).await.unwrap();
            tx.commit().await.unwrap();
            done.push(job.id);
        }
    }
    done
}

async fn a_lane_keeps_its_order_also_through_a_retry(db: Fresh) {
    queue(&db, &[job(&db, "2", "a"), job(&db, "1", "a"), job(&db, "3", "b")]).await;
    let first = claimed(&db, db.now).await;
    assert_eq!(ids(&first), ["1", "3"]);
    assert!(claimed(&db, db.now).await.is_empty());
    commit!(db, retry, &first[0], "429", Effect::None, db.in_secs(30));
    assert!(claimed(&db, db.in_secs(29)).await.is_empty());
    let again = claimed(&db, db.in_secs(30)).await;
    assert_eq!((ids(&again), again[0].attempts, again[0].interrupted), (vec!["1"], 2, false));
    commit!(db, succeed, &again[0], db.now);
    assert_eq!(ids(&claimed(&db, db.in_secs(30)).await), ["2"]);
}

async fn a_critical_job_goes_first_in_its_lane_and_its_lane_before_others(db: Fresh) {
    let critical = NewJob { priority: 9, ..job(&db, "4", "c") };
    queue(&db, &[job(&db, "1", "a"), job(&db, "2", "b"), job(&db, "3", "c"), critical]).await;
    let first = claim(&db.store, "w", db.now, TTL, 1).await.unwrap();
    assert_eq!(ids(&first), ["4"]);
    commit!(db, succeed, &first[0], db.now);
    assert_eq!(ids(&claimed(&db, db.now).await), ["1", "2", "3"]);
}

async fn a_critical_line_takes_along_what_was_said_before_it_in_its_thread(db: Fresh) {
    let line = |id: &str, priority| NewJob { priority, thread: Some("group:1".into()), ..job(&db, id, "a") };
    let look = |id: &str, priority| NewJob { coalesce: Some("show:group:1".into()), ..line(id, priority) };
    queue(&db, &[look("1", 2)]).await;
    let tried = claimed(&db, db.now).await.remove(0);
    commit!(db, retry, &tried, "503", Effect::None, db.in_secs(40));
    queue(&db, &[job(&db, "2", "a"), line("3", 2), look("4", 9), line("5", 9)]).await;
    assert_eq!(one_after_the_other(&db).await, ["1", "3", "4", "5", "2"], "nothing is said before it is posted");

    let posted = MessageRef { channel: ChannelId::new("C1"), ts: MessageTs::new("1.2") };
    let mut tx = db.store.begin().await.unwrap();
    messages::put(&mut tx, "group:1", &posted, db.now).await.unwrap();
    tx.commit().await.unwrap();
    queue(&db, &[look("6", 1), line("7", 2), line("8", 9), line("9", 2)]).await;
    assert_eq!(one_after_the_other(&db).await, ["7", "8", "9", "6"]);
}

/// Each succeeds before the next is taken.
async fn one_after_the_other(db: &Fresh) -> Vec<String> {
    let mut done = Vec::new();
    while let Some(next) = claimed(db, db.now).await.into_iter().next() {
        commit!(db, succeed, &next, db.now);
        done.push(next.id.to_string());
    }
    done
}

async fn a_critical_job_does_not_overtake_one_under_way_in_its_lane(db: Fresh) {
    queue(&db, &[job(&db, "1", "a")]).await;
    let under_way = claimed(&db, db.now).await;
    queue(&db, &[NewJob { priority: 9, ..job(&db, "2", "a") }]).await;
    assert!(claimed(&db, db.now).await.is_empty());
    commit!(db, succeed, &under_way[0], db.now);
    assert_eq!(ids(&claimed(&db, db.now).await), ["2"]);
}

async fn an_untried_job_takes_the_newer_payload_in_its_place(db: Fresh) {
    let edit = |id: &str, priority| NewJob { priority, coalesce: Some("group:1".into()), ..job(&db, id, "a") };
    assert_eq!(queue(&db, &[edit("1", 5), job(&db, "2", "a")]).await, [Enqueued::Added, Enqueued::Added]);
    assert_eq!(queue(&db, &[edit("3", 2)]).await, [Enqueued::Coalesced]);
    let first = claimed(&db, db.now).await;
    assert_eq!((ids(&first), first[0].payload.as_str(), first[0].priority), (vec!["1"], "3", 5));
}

async fn a_job_that_was_tried_is_never_changed(db: Fresh) {
    let edit = |id: &str| NewJob { coalesce: Some("group:1".into()), ..job(&db, id, "a") };
    queue(&db, &[edit("1")]).await;
    let first = claimed(&db, db.now).await;
    assert_eq!(queue(&db, &[edit("2")]).await, [Enqueued::Added]);
    commit!(db, retry, &first[0], "timeout", Effect::Unknown, db.now);
    assert_eq!(queue(&db, &[edit("3")]).await, [Enqueued::Coalesced]);
    assert_eq!(claimed(&db, db.now).await[0].payload, "1");
}

async fn an_older_look_is_known_when_an_urgent_one_overtook_it(db: Fresh) {
    let look = |id: &str, priority| NewJob { priority, coalesce: Some("group:1".into()), ..job(&db, id, "a") };
    queue(&db, &[look("1", 0)]).await;
    let older = claimed(&db, db.now).await.remove(0);
    assert!(!superseded(&db.store, &older, "group:1").await.unwrap());
    commit!(db, retry, &older, "503", Effect::None, db.now);
    queue(&db, &[look("2", 5), NewJob { coalesce: Some("group:2".into()), ..job(&db, "3", "a") }]).await;
    let newer = claimed(&db, db.now).await.remove(0);
    assert_eq!(newer.id.as_str(), "2");
    assert!(superseded(&db.store, &older, "group:1").await.unwrap());
    commit!(db, succeed, &newer, db.now);
    assert!(superseded(&db.store, &older, "group:1").await.unwrap(), "it was shown");
    assert!(!superseded(&db.store, &newer, "group:1").await.unwrap());
}

async fn coalescing_stays_within_lane_and_kind(db: Fresh) {
    let edit = |id: &str, lane: &str| NewJob { coalesce: Some("group:1".into()), ..job(&db, id, lane) };
    let upload = NewJob { kind: "upload".into(), ..edit("3", "a") };
    assert_eq!(queue(&db, &[edit("1", "a"), edit("2", "b"), upload]).await, [Enqueued::Added; 3]);
}

async fn a_worker_that_died_leaves_an_interrupted_job(db: Fresh) {
    queue(&db, &[job(&db, "1", "a")]).await;
    assert!(!claimed(&db, db.now).await[0].interrupted);
    // Killed here: nothing is settled.
    assert!(claimed(&db, db.in_secs(59)).await.is_empty());
    let again = claim(&db.store, "other", db.in_secs(60), TTL, 10).await.unwrap();
    assert_eq!((again[0].attempts, again[0].interrupted), (2, true));
}

async fn an_unknown_effect_comes_back_as_interrupted(db: Fresh) {
    queue(&db, &[job(&db, "1", "a")]).await;
    let first = claimed(&db, db.now).await;
    commit!(db, retry, &first[0], "timed out", Effect::Unknown, db.now);
    let again = claimed(&db, db.now).await;
    assert!(again[0].interrupted);
    commit!(db, retry, &again[0], "looked, not there; 429", Effect::None, db.now);
    assert!(!claimed(&db, db.now).await[0].interrupted);
}

async fn a_deferred_job_was_not_tried(db: Fresh) {
    let edit = |id: &str| NewJob { coalesce: Some("group:1".into()), ..job(&db, id, "a") };
    queue(&db, &[edit("1")]).await;
    let first = claimed(&db, db.now).await;
    commit!(db, defer, &first[0], db.in_secs(5));
    assert_eq!(next_due(&db.store).await.unwrap(), Some(db.in_secs(5)));
    assert_eq!(queue(&db, &[NewJob { not_before: db.in_secs(9), ..edit("2") }]).await, [Enqueued::Coalesced]);
    let again = claimed(&db, db.in_secs(5)).await;
    assert_eq!((again[0].payload.as_str(), again[0].attempts, again[0].interrupted), ("2", 1, false));
    let mut tx = db.store.begin().await.unwrap();
    assert!(matches!(succeed(&mut tx, &first[0], db.now).await, Err(StoreError::Lost { .. })));
}

async fn a_holder_that_starts_again_gets_its_jobs_at_once(db: Fresh) {
    queue(&db, &[job(&db, "1", "a"), job(&db, "2", "b")]).await;
    claim(&db.store, "mine", db.now, TTL, 1).await.unwrap();
    claim(&db.store, "other", db.now, TTL, 1).await.unwrap();
    assert_eq!(abandon(&db.store, "mine").await.unwrap(), 1);
    let again = claim(&db.store, "mine", db.now, TTL, 10).await.unwrap();
    assert_eq!((ids(&again), again[0].interrupted), (vec!["1"], true));
}

async fn a_clock_that_went_back_puts_nothing_off_for_long(db: Fresh) {
    queue(&db, &[NewJob { not_before: db.in_secs(3600), ..job(&db, "1", "a") }, job(&db, "2", "b")]).await;
    claim(&db.store, "w", db.now, Duration::from_hours(1), 10).await.unwrap();
    assert_eq!(hasten(&db.store, "w", db.in_secs(60)).await.unwrap(), 2);
    assert!(claimed(&db, db.in_secs(59)).await.is_empty());
    assert_eq!(ids(&claimed(&db, db.in_secs(60)).await), ["1", "2"]);
}

async fn hastening_leaves_others_what_they_are_at_work_on(db: Fresh) {
    queue(&db, &[job(&db, "1", "a"), job(&db, "2", "b")]).await;
    claim(&db.store, "other", db.now, TTL, 1).await.unwrap();
    // Of a clock that ran ahead by an hour, in a process that is gone.
    claim(&db.store, "gone", db.now, Duration::from_hours(1), 1).await.unwrap();
    hasten(&db.store, "w", db.in_secs(1)).await.unwrap();
    assert_eq!(ids(&claimed(&db, db.in_secs(2)).await), ["2"]);
}

async fn of_what_was_given_up_in_one_place_the_newest_is_kept(db: Fresh) {
    let edit = |id: &str, key: Option<&str>| NewJob { coalesce: key.map(str::to_owned), ..job(&db, id, "a") };
    for (id, key) in [("1", Some("group:1")), ("2", Some("group:2")), ("3", Some("group:1")), ("4", None), ("5", None)]
    {
        queue(&db, &[edit(id, key)]).await;
        let claimed = claimed(&db, db.now).await;
        let mut tx = db.store.begin().await.unwrap();
        bury(&mut tx, &claimed[0], "is_archived", db.now).await.unwrap();
        tx.commit().await.unwrap();
    }
    let left: Vec<String> = dead(&db.store, 10).await.unwrap().into_iter().map(|dead| dead.id.to_string()).collect();
    assert_eq!(left.iter().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(["2", "3", "4", "5"]));
}

async fn a_late_worker_cannot_settle_what_another_took(db: Fresh) {
    queue(&db, &[job(&db, "1", "a")]).await;
    let late = claimed(&db, db.now).await;
    let other = claimed(&db, db.in_secs(60)).await;
    let mut tx = db.store.begin().await.unwrap();
    assert!(matches!(succeed(&mut tx, &late[0], db.now).await, Err(StoreError::Lost { .. })));
    assert!(matches!(bury(&mut tx, &late[0], "x", db.now).await, Err(StoreError::Lost { .. })));
    succeed(&mut tx, &other[0], db.now).await.unwrap();
    assert!(matches!(retry(&mut tx, &other[0], "x", Effect::None, db.now).await, Err(StoreError::Lost { .. })));
}

async fn a_dead_letter_frees_its_lane_and_can_be_revived(db: Fresh) {
    queue(&db, &[job(&db, "1", "a"), job(&db, "2", "a")]).await;
    let first = claimed(&db, db.now).await;
    commit!(db, bury, &first[0], "channel_not_found", db.now);
    let letters = dead(&db.store, 10).await.unwrap();
    assert_eq!((letters[0].id.as_str(), letters[0].error.as_str()), ("1", "channel_not_found"));
    assert_eq!(depth(&db.store).await.unwrap().dead, 1);
    let second = claimed(&db, db.now).await;
    commit!(db, succeed, &second[0], db.now);
    commit!(db, revive, &JobId::new("1"), db.in_secs(5));
    let revived = claimed(&db, db.in_secs(5)).await;
    assert_eq!((revived[0].attempts, revived[0].interrupted), (1, true));
    let mut tx = db.store.begin().await.unwrap();
    assert!(!revive(&mut tx, &JobId::new("1"), db.now).await.unwrap());
}

async fn the_next_due_moment_is_that_of_the_lane_heads(db: Fresh) {
    assert_eq!(next_due(&db.store).await.unwrap(), None);
    let later = NewJob { not_before: db.in_secs(50), ..job(&db, "1", "a") };
    queue(&db, &[later, job(&db, "2", "a"), NewJob { not_before: db.in_secs(9), ..job(&db, "3", "b") }]).await;
    assert_eq!(next_due(&db.store).await.unwrap(), Some(db.in_secs(9)));
    claimed(&db, db.in_secs(9)).await;
    assert_eq!(next_due(&db.store).await.unwrap(), Some(db.in_secs(50)));
}

async fn what_is_done_is_pruned(db: Fresh) {
    queue(&db, &[job(&db, "1", "a"), job(&db, "2", "b"), job(&db, "3", "c")]).await;
    let jobs = claimed(&db, db.now).await;
    commit!(db, succeed, &jobs[0], db.in_secs(10));
    commit!(db, succeed, &jobs[1], db.in_secs(20));
    commit!(db, bury, &jobs[2], "x", db.in_secs(1));
    assert_eq!(prune(&db.store, db.in_secs(20)).await.unwrap(), 1);
    assert_eq!(depth(&db.store).await.unwrap().dead, 1);
}
