//! The app as a process: what is left of it when it ends, and when it is killed.

use std::fs::{self, File};
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::{Value, json};
use testing::{Place, alive, children, eventually, kill_9, line_of};

/// A running app whose daemon answers, with a plugin that has a model loaded.
struct Running {
    place: Place,
    app: Child,
    daemon: u32,
    plugins: Vec<u32>,
}

fn run() -> Running {
    let place = Place::new();
    let (settings, told) = (place.dir.path().join("settings.json"), place.dir.path().join("told"));
    let mut own = serde_json::to_value(&place.settings).unwrap();
    own["auto_start"] = json!(true);
    fs::write(&settings, own.to_string()).unwrap();
    // preloaded, so that there is a plugin to be left behind
    let config = place.settings.config.as_ref().unwrap();
    let text = fs::read_to_string(config).unwrap().replace("{sampling:", "{preload: true, sampling:");
    fs::write(config, text).unwrap();
    let log = File::create(place.dir.path().join("log")).unwrap();
    let app = Command::new(env!("CARGO_BIN_EXE_testapp"))
        .args([place.home.dir(), &settings, &told])
        .stdin(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let at: Value = serde_json::from_str(&line_of(&told)).unwrap();
    let daemon: u32 = at["pid"].as_u64().unwrap().try_into().unwrap();
    eventually("a plugin", || !children(daemon).is_empty());
    Running { plugins: children(daemon), place, app, daemon }
}

impl Running {
    /// Waits for the end of the app.
    fn ended(&mut self) -> ExitStatus {
        eventually("the end of the app", || self.app.try_wait().unwrap().is_some());
        self.app.wait().unwrap()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.place.dir.path().join("log")).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.app.kill(); // it has mostly ended
        let _ = self.app.wait();
    }
}

#[test]
fn of_an_app_that_is_killed_no_daemon_is_left() {
    let mut r = run();
    assert!(alive(r.daemon) && children(r.app.id()).contains(&r.daemon));
    kill_9(r.app.id());
    r.ended();
    eventually("the end of the daemon", || !alive(r.daemon));
    eventually("the end of its plugins", || r.plugins.iter().all(|&p| !alive(p)));
}

#[test]
fn an_app_that_ends_takes_its_daemon_along() {
    let mut r = run();
    drop(r.app.stdin.take());
    assert!(r.ended().success());
    assert!(!alive(r.daemon), "the app waits for it");
    eventually("the end of its plugins", || r.plugins.iter().all(|&p| !alive(p)));
    let log = r.log();
    assert!(log.contains("INFO kakeyad: serving"), "the daemon's log is in the app's:\n{log}");
}
