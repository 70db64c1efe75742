use std::future::Future;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{mpsc, oneshot, watch};

use crate::actor::{Actor, Ask};
use crate::daemon::Spec;
use crate::{Client, Error, Home, Kind, Result, Settings};

/// How long a supervisor waits.
#[derive(Clone, Debug)]
pub struct Patience {
    /// How long a daemon may take to answer after it was started.
    pub healthy_within: Duration,
    /// Waits before the restarts after the first, which waits for nothing. When they are through, it has failed.
    pub restarts: Vec<Duration>,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            healthy_within: Duration::from_secs(30),
            restarts: [500, 1000, 2000, 4000, 8000].map(Duration::from_millis).into(),
        }
    }
}

/// Where a running daemon answers, and the key that it wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Address {
    pub url: String,
    pub api_key: String,
    pub pid: u32,
}

/// What the daemon does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    Stopped,
    Starting,
    Running(Address),
    /// It died, and is started again.
    Restarting {
        reason: String,
    },
    /// It did not start, or died too often. Only [`Supervisor::start`] tries again.
    Failed {
        error: Error,
    },
}

/// Keeps one daemon running. Clones are handles of the same; when the last is dropped, the daemon stops.
#[derive(Clone)]
pub struct Supervisor {
    asks: mpsc::Sender<Ask>,
    state: watch::Receiver<State>,
}

impl Supervisor {
    /// A supervisor of a daemon that does not run yet, and the work of it, which the caller spawns on tokio.
    pub fn new(home: Home, settings: Settings) -> (Self, impl Future<Output = ()> + Send + 'static) {
        Self::with_patience(home, settings, Patience::default())
    }

    /// As [`Supervisor::new`], with other waits.
    pub fn with_patience(
        home: Home,
        settings: Settings,
        patience: Patience,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (asks, asked) = mpsc::channel(8);
        let (tell, state) = watch::channel(State::Stopped);
        let spec = Spec { port: settings.port, settings, home, key: new_key(), patience: patience.healthy_within };
        let actor = Actor { asked, tell, spec, restarts: patience.restarts };
        (Self { asks, state }, actor.run())
    }

    /// Starts the daemon unless it runs, and waits until it answers, for 30 s at most. The error of a daemon that
    /// ended has what it said last. A start is not repeated; what dies later is.
    pub async fn start(&self) -> Result<Address> {
        self.ask(Ask::Start).await?
    }

    /// Stops the daemon and waits until it has ended: within 10 s, or it is killed.
    pub async fn stop(&self) {
        let _ = self.ask(Ask::Stop).await; // an error is that the work has ended, and the daemon with it
    }

    /// Takes new settings over. A daemon that runs is started anew with them, and requests are cut short, unless
    /// nothing but the automatic start changed.
    pub async fn configure(&self, settings: Settings) -> Result<()> {
        self.ask(|reply| Ask::Configure(settings, reply)).await
    }

    /// The state, and those to come.
    pub fn states(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// A client of the daemon that runs now.
    pub fn client(&self) -> Result<Client> {
        match &*self.state.borrow() {
            State::Running(at) => Ok(Client::new(&at.url, &at.api_key)),
            State::Failed { error } => Err(error.clone()),
            State::Restarting { reason } => {
                Err(Error::new(Kind::NotRunning, format!("kakeyad died and is being started again: {reason}")))
            }
            State::Starting => Err(Error::new(Kind::NotRunning, "kakeyad is being started")),
            State::Stopped => Err(Error::new(Kind::NotRunning, "kakeyad does not run: start it")),
        }
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let gone = || Error::new(Kind::NotRunning, "the supervisor of kakeyad has ended");
        self.asks.send(ask(reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }
}

/// A key that nobody guesses.
fn new_key() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
