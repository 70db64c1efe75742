//! `testapp HOME SETTINGS ADDRESS`: runs the app with its plugin's settings, a JSON file, and writes where the daemon
//! answers into a file, once it does. Its log goes to standard error. It ends when its standard input does.

use std::io::Read;
use std::path::Path;

use log::{LevelFilter, Log, Metadata, Record};
use tauri::{Manager, WebviewWindowBuilder, async_runtime};
use tauri_plugin_kakeyad::Kakeyad;

struct Stderr;

impl Log for Stderr {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, r: &Record<'_>) {
        eprintln!("{} {}: {}", r.level(), r.target(), r.args());
    }

    fn flush(&self) {}
}

fn main() {
    log::set_logger(&Stderr).map(|()| log::set_max_level(LevelFilter::Info)).expect("nobody else logs");
    let args: Vec<String> = std::env::args().collect();
    let [_, home, settings, address] = args.as_slice() else { panic!("testapp HOME SETTINGS ADDRESS") };
    let settings =
        serde_json::from_str(&std::fs::read_to_string(settings).expect("settings")).expect("settings are JSON");
    let app = testapp::app(Path::new(home), &settings, |_, _| ());
    let supervisor = app.state::<Kakeyad>().supervisor().clone();
    let address = address.clone();
    async_runtime::spawn(async move {
        let at = supervisor.start().await.expect("the daemon starts");
        std::fs::write(address, format!("{}\n", serde_json::json!(at))).expect("write the address");
    });
    let window = WebviewWindowBuilder::new(&app, "main", Default::default()).build().expect("a window");
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        window.destroy().expect("the window closes"); // the last one: the app ends with it
    });
    app.run(|_, _| ());
}
