//! What tests need of the daemon and of processes. `make test-atomic-chat` names the daemon and the models.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use kakeyad_app::{Home, Settings};
use tempfile::TempDir;

/// The channel that tests speak to.
pub const MODEL: &str = "smollm2-135m";

/// A channel whose model file is not there.
pub const GONE: &str = "gone";

/// Bounds every wait. Nothing asserts how long something took.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A folder with a home in it and a configuration of one real model, on a free port.
pub struct Place {
    pub dir: TempDir,
    pub home: Home,
    pub settings: Settings,
}

impl Place {
    pub fn new() -> Self {
        let dir = TempDir::with_prefix("kakeyad-").expect("a temporary folder");
        let config = dir.path().join("own.yaml");
        let text = format!(
            "models: {{{MODEL}: {{file: {:?}}}, {GONE}: {{file: gone.gguf}}}}\n\
             channels: {{{MODEL}: {{sampling: {{temperature: 0}}, load: {{context: 2048, parallel: 2}}}}, {GONE}: {{}}}}\n",
            model_file()
        );
        fs::write(&config, text).expect("write the configuration");
        let settings =
            Settings { host: own_address(), config: Some(config), binary: Some(kakeyad()), ..Settings::default() };
        Self { home: Home::new(dir.path().join("home")), dir, settings }
    }

    /// A program of a few lines of shell in the daemon's place; `$KAKEYAD` is the real one.
    pub fn script(&self, lines: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.dir.path().join("kakeyad.sh");
        fs::write(&path, format!("#!/bin/sh\nKAKEYAD={:?}\n{lines}\n", kakeyad())).expect("write the script");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("make it a program");
        path
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

/// An address of this machine that no other test and hardly another program uses: a port there that was free still is
/// when a daemon comes back to it.
fn own_address() -> String {
    static PLACES: AtomicU32 = AtomicU32::new(0);
    let (pid, place) = (std::process::id(), PLACES.fetch_add(1, Ordering::Relaxed));
    format!("127.{}.{}.{}", 1 + pid / 250 % 250, 1 + pid % 250, 1 + place % 250)
}

pub fn kakeyad() -> PathBuf {
    required("KAKEYA_BIN").join("kakeyad")
}

pub fn model_file() -> PathBuf {
    required("KAKEYA_MODELS").join("SmolLM2-135M-Instruct.Q4_1.gguf")
}

fn required(name: &str) -> PathBuf {
    std::env::var_os(name)
        .map(PathBuf::from)
        .unwrap_or_else(|| panic!("{name} is not set: run these tests by `make test-atomic-chat`"))
}

/// Kills a process as nobody can refuse.
pub fn kill_9(pid: u32) {
    let killed = Command::new("kill").args(["-9", &pid.to_string()]).status().expect("kill");
    assert!(killed.success(), "kill -9 {pid}");
}

/// Whether a process exists and is no zombie.
pub fn alive(pid: u32) -> bool {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => !stat.rsplit(") ").next().unwrap_or_default().starts_with('Z'),
        Err(_) => false,
    }
}

/// The processes below one.
pub fn children(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let below = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in below.split_whitespace().filter_map(|c| c.parse().ok()) {
            found.push(child);
            found.extend(children(child));
        }
    }
    found
}

/// Waits until something holds.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        sleep(Duration::from_millis(10));
    }
}

/// Waits until a file has a whole line in it, and returns that.
pub fn line_of(path: &Path) -> String {
    let mut line = String::new();
    eventually(&format!("a line in {}", path.display()), || {
        line = fs::read_to_string(path).unwrap_or_default();
        line.ends_with('\n')
    });
    line.trim_end().to_owned()
}
