use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use crate::{Error, Kind, Result};

/// The requests that run, by the names that their callers gave them, to be cancelled by these from the moment that
/// they were asked for.
#[derive(Default)]
pub struct Requests(Mutex<HashMap<String, Arc<Notify>>>);

impl Requests {
    /// Awaits the work, or until [`Requests::cancel`] with this id: the work is dropped then, which closes its
    /// connection and so ends the generation in the daemon.
    pub async fn run<T>(&self, id: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        let cancelled = Arc::new(Notify::new());
        {
            let mut running = self.0.lock().expect("nothing panics under this lock");
            if running.contains_key(id) {
                return Err(Error::new(Kind::Invalid, format!("a request {id:?} runs already")));
            }
            running.insert(id.to_owned(), cancelled.clone());
        }
        let _done = Done(self, id);
        tokio::select! {
            biased;
            () = cancelled.notified() => Err(Error::new(Kind::Cancelled, "the request was cancelled")),
            answer = work => answer,
        }
    }

    /// False when no such request runs here.
    pub fn cancel(&self, id: &str) -> bool {
        let running = self.0.lock().expect("nothing panics under this lock");
        running.get(id).map(|cancelled| cancelled.notify_one()).is_some()
    }
}

struct Done<'a>(&'a Requests, &'a str);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        if let Ok(mut running) = self.0.0.lock() {
            running.remove(self.1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_is_cancelled_by_its_id() {
        let requests = Arc::new(Requests::default());
        let work = requests.run("a", async {
            assert!(requests.cancel("a"));
            std::future::pending::<Result<()>>().await
        });
        assert_eq!(work.await.unwrap_err().kind, Kind::Cancelled);
        assert!(!requests.cancel("a"), "it is over");
        assert_eq!(requests.run("a", async { Ok(1) }).await, Ok(1));
    }

    #[tokio::test]
    async fn an_id_names_one_request() {
        let requests = Requests::default();
        let second = requests.run("a", async { requests.run("a", async { Ok(()) }).await });
        assert_eq!(second.await.unwrap_err().kind, Kind::Invalid);
    }
}
