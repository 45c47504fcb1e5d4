//! Work that goes on when nobody waits for it any longer.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Late<T> = Box<dyn FnOnce(T) -> Work<()> + Send>;

/// A future that its caller may drop (a limit passed, a connection closed): what is left of it is done in the background, and
/// `late` hears the outcome. So a commit is never abandoned half-way. Outside a runtime it ends where it is dropped.
pub(super) struct Unfinished<T: Send + 'static>(Option<(Work<T>, Late<T>)>);

impl<T: Send + 'static> Unfinished<T> {
    pub fn new<L>(work: impl Future<Output = T> + Send + 'static, late: impl FnOnce(T) -> L + Send + 'static) -> Self
    where
        L: Future<Output = ()> + Send + 'static,
    {
        Self(Some((Box::pin(work), Box::new(|outcome| Box::pin(late(outcome))))))
    }
}

impl<T: Send + 'static> Future for Unfinished<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some((work, _)) = &mut self.0 else { return Poll::Pending };
        let outcome = work.as_mut().poll(context);
        if outcome.is_ready() {
            self.0 = None;
        }
        outcome
    }
}

impl<T: Send + 'static> Drop for Unfinished<T> {
    fn drop(&mut self) {
        if let (Some((work, late)), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(async move { late(work.await).await });
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_is_awaited_is_nobodys_late_news() {
        let (told, mut news) = oneshot::channel();
        let work = Unfinished::new(async { 7 }, async move |outcome| told.send(outcome).unwrap());
        assert_eq!(work.await, 7);
        assert!(news.try_recv().is_err());
    }

    #[tokio::test]
    async fn what_is_dropped_half_way_is_finished_and_its_outcome_told() {
        let (go, gone) = oneshot::channel::<i32>();
        let (told, news) = oneshot::channel();
        let mut work = Unfinished::new(async { gone.await.unwrap() }, async move |outcome| told.send(outcome).unwrap());
        assert!(futures_util::poll!(&mut work).is_pending());
        drop(work);
        go.send(7).unwrap();
        assert_eq!(news.await, Ok(7));
    }
}
