use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::log_lines::LastWords;
use crate::{Client, Error, Home, Kind, Result, Settings};

/// How often a daemon that starts is asked whether it is there.
const ASK: Duration = Duration::from_millis(25);

/// How long the last lines of a daemon that has ended may take to arrive.
const LAST_LINES: Duration = Duration::from_secs(1);

/// What a daemon is started with.
#[derive(Clone)]
pub(crate) struct Spec {
    pub settings: Settings,
    pub home: Home,
    pub port: u16,
    pub key: String,
    pub patience: Duration,
}

/// One process of the daemon. It ends when this is dropped, and when this program does: it holds the daemon's
/// standard input, whose end tells the daemon to stop.
pub(crate) struct Daemon {
    child: Child,
    stdin: Option<ChildStdin>,
    words: Arc<Mutex<LastWords>>,
    log: JoinHandle<()>,
    pub pid: u32,
    pub address: SocketAddr,
}

impl Daemon {
    /// Starts a daemon and waits until it answers.
    pub async fn start(spec: &Spec) -> Result<Daemon> {
        spec.home.prepare()?;
        let told = AddrFile::new(&spec.home);
        let binary = binary(&spec.settings);
        let mut child = command(spec, &binary, &told.0).spawn().map_err(|e| no_binary(&binary, &e))?;
        let words = Arc::new(Mutex::new(LastWords::default()));
        let log = tokio::spawn(tail(child.stderr.take().expect("it was asked for"), words.clone()));
        let mut daemon = Daemon {
            stdin: child.stdin.take(),
            pid: child.id().unwrap_or_default(),
            address: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            child,
            words,
            log,
        };
        let healthy = async {
            loop {
                if let Some(address) = told.read()
                    && Client::new(&format!("http://{address}"), &spec.key).health().await.is_ok()
                {
                    return address;
                }
                sleep(ASK).await;
            }
        };
        let outcome = tokio::select! {
            answer = timeout(spec.patience, healthy) => answer.ok(),
            status = daemon.child.wait() => {
                let said = daemon.last_words().await;
                return Err(Error::new(Kind::Ended, format!("kakeyad ended before it answered ({}): {said}", exit(status))));
            }
        };
        match outcome {
            Some(address) => daemon.address = address,
            None => {
                daemon.stop(Duration::ZERO).await;
                let said = daemon.last_words().await;
                let seconds = spec.patience.as_secs_f32();
                return Err(Error::new(
                    Kind::NotHealthy,
                    format!("kakeyad did not answer within {seconds} s and was ended: {said}"),
                ));
            }
        }
        Ok(daemon)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns when the process has ended, with the reason.
    pub async fn ended(&mut self) -> String {
        let status = self.child.wait().await;
        format!("{}: {}", exit(status), self.last_words().await)
    }

    /// Tells the daemon to stop, and kills it when it takes longer than that.
    pub async fn stop(&mut self, grace: Duration) {
        drop(self.stdin.take());
        if timeout(grace, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await; // an error is that it has ended
        }
    }

    async fn last_words(&mut self) -> String {
        let _ = timeout(LAST_LINES, &mut self.log).await; // a plugin may hold the pipe for a moment longer
        self.words.lock().expect("nothing panics under this lock").text()
    }
}

fn exit(status: std::io::Result<ExitStatus>) -> String {
    status.map_or_else(|e| e.to_string(), |s| s.to_string())
}

fn command(spec: &Spec, binary: &Path, told: &Path) -> Command {
    let mut c = Command::new(binary);
    c.arg("serve").arg("--exit-with-parent");
    c.arg("--listen").arg(listen(&spec.settings.host, spec.port)).arg("--addr-file").arg(told);
    c.arg("--config").arg(spec.settings.config.clone().unwrap_or_else(|| spec.home.config()));
    c.arg("--data-dir").arg(spec.home.data()).args(["--log-format", "json"]);
    c.env("KAKEYAD_SERVER__API_KEY", &spec.key); // no argument: everybody may read those
    if let Some(layers) = spec.settings.device.gpu_layers() {
        c.env("KAKEYAD_DEFAULTS__LOAD__GPU_LAYERS", layers);
    }
    c.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    c
}

/// HOST:PORT, with brackets around an IPv6 address.
fn listen(host: &str, port: u16) -> String {
    match host.parse::<IpAddr>() {
        Ok(ip) => SocketAddr::new(ip, port).to_string(),
        Err(_) => format!("{host}:{port}"),
    }
}

fn binary(settings: &Settings) -> PathBuf {
    let name = format!("kakeyad{}", std::env::consts::EXE_SUFFIX);
    let beside = || std::env::current_exe().ok().map(|p| p.with_file_name(&name)).filter(|p| p.is_file());
    settings.binary.clone().or_else(beside).unwrap_or_else(|| name.into())
}

fn no_binary(binary: &Path, e: &std::io::Error) -> Error {
    let todo = "put kakeyad and its plugins beside this program or into PATH, or name it in the setting \"binary\"";
    Error::new(Kind::NoBinary, format!("start {}: {e}: {todo}", binary.display()))
}

async fn tail(stderr: impl AsyncRead + Unpin, words: Arc<Mutex<LastWords>>) {
    let mut lines = BufReader::new(stderr).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        words.lock().expect("nothing panics under this lock").take(String::from_utf8_lossy(&line).trim_end());
    }
}

/// The file in which a daemon tells its address, which is removed again.
struct AddrFile(PathBuf);

impl AddrFile {
    fn new(home: &Home) -> Self {
        let file = Self(home.dir().join(format!("kakeyad-{}.addr", std::process::id())));
        file.remove();
        file
    }

    /// Where to ask, once it is told: of all addresses of this machine its own.
    fn read(&self) -> Option<SocketAddr> {
        let mut address: SocketAddr = std::fs::read_to_string(&self.0).ok()?.trim().parse().ok()?;
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        Some(address)
    }

    fn remove(&self) {
        let _ = std::fs::remove_file(&self.0); // mostly there is none
    }
}

impl Drop for AddrFile {
    fn drop(&mut self) {
        self.remove();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_to_listen_on() {
        assert_eq!(listen("127.0.0.1", 0), "127.0.0.1:0");
        assert_eq!(listen("::1", 80), "[::1]:80");
        assert_eq!(listen("localhost", 8317), "localhost:8317");
    }

    #[test]
    fn a_daemon_on_all_addresses_is_asked_at_this_machines() {
        let dir = tempfile::tempdir().unwrap();
        let told = AddrFile::new(&Home::new(dir.path()));
        assert_eq!(told.read(), None);
        for (written, want) in
            [("0.0.0.0:81\n", "127.0.0.1:81"), ("[::]:81\n", "[::1]:81"), ("10.0.0.1:81", "10.0.0.1:81")]
        {
            std::fs::write(&told.0, written).unwrap();
            assert_eq!(told.read(), Some(want.parse().unwrap()));
        }
        let path = told.0.clone();
        drop(told);
        assert!(!path.exists());
    }
}
