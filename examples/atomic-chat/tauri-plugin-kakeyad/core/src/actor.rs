use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep};

use crate::daemon::{Daemon, Spec};
use crate::{Address, Error, Kind, Result, Settings, State};

/// How long a daemon may take to stop before it is killed. Requests are cut short at once, and what is idle is parked.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// A daemon that ran for so long was sound: when it dies, the count of failures begins anew.
const SOUND_AFTER: Duration = Duration::from_secs(10);

/// What handles ask of the actor.
pub(crate) enum Ask {
    Start(oneshot::Sender<Result<Address>>),
    Stop(oneshot::Sender<()>),
    Configure(Settings, oneshot::Sender<()>),
}

/// Owns the daemon's process; the handles ask it.
pub(crate) struct Actor {
    pub asked: mpsc::Receiver<Ask>,
    pub tell: watch::Sender<State>,
    pub spec: Spec,
    pub restarts: Vec<Duration>,
}

/// Why the daemon is not kept running any more.
enum End {
    Failed(Error),
    Stopped(Option<oneshot::Sender<()>>),
}

impl Actor {
    pub async fn run(mut self) {
        while let Some(ask) = self.asked.recv().await {
            match ask {
                Ask::Start(reply) => self.keep(reply).await,
                Ask::Stop(reply) => drop(reply.send(())),
                Ask::Configure(settings, reply) => {
                    self.configure(settings);
                    let _ = reply.send(());
                }
            }
        }
    }

    fn say(&self, state: State) {
        self.tell.send_replace(state);
    }

    /// A port that was free is kept.
    fn configure(&mut self, settings: Settings) {
        if settings.port != self.spec.settings.port || settings.host != self.spec.settings.host {
            self.spec.port = settings.port;
        }
        self.spec.settings = settings;
    }

    /// Keeps a daemon running from a start until a stop, or until it fails.
    async fn keep(&mut self, start: oneshot::Sender<Result<Address>>) {
        let mut waiting = vec![start];
        let end = self.cycle(&mut waiting).await;
        let error = match &end {
            End::Failed(error) => {
                self.say(State::Failed { error: error.clone() });
                error.clone()
            }
            End::Stopped(_) => {
                self.say(State::Stopped);
                Error::new(Kind::NotRunning, "kakeyad was stopped")
            }
        };
        for reply in waiting {
            let _ = reply.send(Err(error.clone())); // who asked may have gone
        }
        if let End::Stopped(Some(reply)) = end {
            let _ = reply.send(());
        }
    }

    async fn cycle(&mut self, waiting: &mut Vec<oneshot::Sender<Result<Address>>>) -> End {
        let mut failures = 0;
        self.say(State::Starting);
        loop {
            let mut daemon = match self.start(waiting).await {
                Ok(Ok(daemon)) => daemon,
                Ok(Err(error)) => {
                    // another program may have taken the port that was free
                    let kept = std::mem::replace(&mut self.spec.port, self.spec.settings.port);
                    if error.kind == Kind::Ended && kept != self.spec.port {
                        continue;
                    }
                    if failures == 0 {
                        return End::Failed(error);
                    }
                    match self.pause(waiting, &mut failures, &error.message).await {
                        Ok(true) => continue,
                        Ok(false) => return End::Failed(error),
                        Err(end) => return end,
                    }
                }
                Err(end) => return end,
            };
            self.spec.port = daemon.address.port();
            let address = Address { url: daemon.url(), api_key: self.spec.key.clone(), pid: daemon.pid };
            self.say(State::Running(address.clone()));
            for reply in waiting.drain(..) {
                let _ = reply.send(Ok(address.clone()));
            }
            let since = Instant::now();
            let reason = match self.watch(&mut daemon, &address).await {
                Ok(Some(reason)) => reason,
                Ok(None) => {
                    self.say(State::Starting); // with other settings
                    failures = 0;
                    continue;
                }
                Err(end) => return end,
            };
            log::error!("kakeyad died ({reason}) and is started again");
            if since.elapsed() >= SOUND_AFTER {
                failures = 0;
            }
            match self.pause(waiting, &mut failures, &reason).await {
                Ok(true) => {}
                Ok(false) => {
                    return End::Failed(Error::new(Kind::Ended, format!("kakeyad dies again and again: {reason}")));
                }
                Err(end) => return end,
            }
        }
    }

    /// Starts a process; a stop meanwhile ends it.
    async fn start(
        &mut self,
        waiting: &mut Vec<oneshot::Sender<Result<Address>>>,
    ) -> std::result::Result<Result<Daemon>, End> {
        'anew: loop {
            let spec = self.spec.clone();
            let starting = Daemon::start(&spec);
            tokio::pin!(starting);
            loop {
                tokio::select! {
                    started = &mut starting => return Ok(started),
                    ask = self.asked.recv() => match ask {
                        Some(Ask::Start(reply)) => waiting.push(reply),
                        Some(Ask::Configure(settings, reply)) => {
                            self.configure(settings);
                            let _ = reply.send(());
                            continue 'anew;
                        }
                        Some(Ask::Stop(reply)) => return Err(End::Stopped(Some(reply))),
                        None => return Err(End::Stopped(None)),
                    }
                }
            }
        }
    }

    /// Answers while the daemon runs. Some reason: it died. None: it was ended, to be started with other settings.
    async fn watch(&mut self, daemon: &mut Daemon, address: &Address) -> std::result::Result<Option<String>, End> {
        loop {
            let ask = tokio::select! {
                reason = daemon.ended() => return Ok(Some(reason)),
                ask = self.asked.recv() => ask,
            };
            match ask {
                Some(Ask::Start(reply)) => {
                    let _ = reply.send(Ok(address.clone()));
                }
                Some(Ask::Configure(settings, reply)) => {
                    let same = Settings { auto_start: settings.auto_start, ..self.spec.settings.clone() } == settings;
                    self.configure(settings);
                    if !same {
                        daemon.stop(STOP_WITHIN).await;
                    }
                    let _ = reply.send(());
                    if !same {
                        return Ok(None);
                    }
                }
                Some(Ask::Stop(reply)) => {
                    daemon.stop(STOP_WITHIN).await;
                    return Err(End::Stopped(Some(reply)));
                }
                None => {
                    daemon.stop(STOP_WITHIN).await;
                    return Err(End::Stopped(None));
                }
            }
        }
    }

    /// Waits before the next start after a failure, the first time for nothing. False: it failed too often.
    async fn pause(
        &mut self,
        waiting: &mut Vec<oneshot::Sender<Result<Address>>>,
        failures: &mut usize,
        reason: &str,
    ) -> std::result::Result<bool, End> {
        self.say(State::Restarting { reason: reason.to_owned() });
        *failures += 1;
        if *failures == 1 {
            return Ok(true);
        }
        let Some(&wait) = self.restarts.get(*failures - 2) else {
            return Ok(false);
        };
        let over = sleep(wait);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => return Ok(true),
                ask = self.asked.recv() => match ask {
                    Some(Ask::Start(reply)) => {
                        waiting.push(reply);
                        return Ok(true);
                    }
                    Some(Ask::Configure(settings, reply)) => {
                        self.configure(settings);
                        let _ = reply.send(());
                    }
                    Some(Ask::Stop(reply)) => return Err(End::Stopped(Some(reply))),
                    None => return Err(End::Stopped(None)),
                }
            }
        }
    }
}
