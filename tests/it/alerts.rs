//! An anomaly, from the feed to the message and back.

use super::support::{Bot, databases};

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_feed_becomes_one_message_that_is_acknowledged_and_resolves() {
    for database in databases() {
        let bot = Bot::on(database).await;
        bot.stop("Crypto.SOL/USD");
        bot.advance(90).await;
        insta::assert_snapshot!("stale_firing", bot.alerts().join("\n---\n"));

        bot.click("alice", "Acknowledge").await;
        insta::assert_snapshot!("stale_acknowledged", bot.alerts().join("\n---\n"));

        bot.heal();
        bot.advance(180).await;
        insta::assert_snapshot!("stale_resolved", bot.alerts().join("\n---\n"));
        insta::assert_snapshot!("stale_thread", bot.thread().join("\n---\n"));
        insta::assert_snapshot!("stale_audit", bot.audit().await.join("\n"));
    }
}
