//! Runs a kakeyad daemon with a Tauri app and gives the app's pages its models.
//!
//! ```no_run
//! # fn f<R: tauri::Runtime>(app: tauri::Builder<R>) -> tauri::Builder<R> {
//! app.plugin(tauri_plugin_kakeyad::init())
//! # }
//! ```
//!
//! The daemon is started with the app, on a free port and with a key of its own, started again when it dies, and
//! ended with the app, however that ends. Its log is in the app's, under the target `kakeyad`. What a person sets
//! lies over what `plugins.kakeyad` of tauri.conf.json says, which lies over [`Settings::default`].
//!
//! Commands, each of which a capability has to allow (`kakeyad:default` allows all but `configure`): see
//! [`commands`](self). All errors are `{kind, message}`; those of the daemon have `status`, `code` and `param` too.

mod commands;
mod store;

use std::path::PathBuf;
use std::sync::Mutex;

use kakeyad_app::{Home, Imports, Requests, Supervisor};
use tauri::plugin::TauriPlugin;
use tauri::{AppHandle, Manager, RunEvent, Runtime, async_runtime};

pub use commands::Event;
pub use kakeyad_app::{Address, Device, Error, Kind, Progress, Result, Settings, State};

/// The plugin of an app, managed as its state.
pub struct Kakeyad {
    supervisor: Supervisor,
    home: Home,
    settings: Mutex<Settings>,
    imports: Imports,
    requests: Requests,
}

impl Kakeyad {
    /// The supervisor of the daemon, for the app's own Rust.
    pub fn supervisor(&self) -> &Supervisor {
        &self.supervisor
    }
}

/// How the plugin is made, where it is not as [`init`] makes it.
#[derive(Default)]
pub struct Builder {
    home: Option<PathBuf>,
}

impl Builder {
    pub fn new() -> Self {
        Self::default()
    }

    /// The folder of models, conversations and settings; `kakeyad` in the app's local data by default.
    pub fn home(mut self, dir: impl Into<PathBuf>) -> Self {
        self.home = Some(dir.into());
        self
    }

    pub fn build<R: Runtime>(self) -> TauriPlugin<R, Option<Settings>> {
        tauri::plugin::Builder::<R, Option<Settings>>::new("kakeyad")
            .invoke_handler(tauri::generate_handler![
                commands::start,
                commands::stop,
                commands::watch,
                commands::settings,
                commands::configure,
                commands::list_models,
                commands::chat_completion,
                commands::stream,
                commands::cancel,
                commands::health,
                commands::stats,
                commands::import_model,
                commands::abort_import,
            ])
            .setup(move |app, api| {
                let dir = match self.home {
                    Some(dir) => dir,
                    None => app.path().app_local_data_dir()?.join("kakeyad"),
                };
                set_up(app, Home::new(dir), api.config().clone().unwrap_or_default());
                Ok(())
            })
            .on_event(|app, event| {
                if let RunEvent::Exit = event {
                    let supervisor = app.state::<Kakeyad>().supervisor.clone();
                    async_runtime::block_on(supervisor.stop());
                }
            })
            .build()
    }
}

/// The plugin as most apps want it.
pub fn init<R: Runtime>() -> TauriPlugin<R, Option<Settings>> {
    Builder::new().build()
}

fn set_up<R: Runtime>(app: &AppHandle<R>, home: Home, configured: Settings) {
    let settings = store::read(&home).unwrap_or(configured);
    let (supervisor, work) = Supervisor::new(home.clone(), settings.clone());
    async_runtime::spawn(work);
    if settings.auto_start {
        let supervisor = supervisor.clone();
        async_runtime::spawn(async move {
            if let Err(e) = supervisor.start().await {
                log::error!("kakeyad was not started with the app: {e}");
            }
        });
    }
    app.manage(Kakeyad {
        supervisor,
        home,
        settings: Mutex::new(settings),
        imports: Imports::default(),
        requests: Requests::default(),
    });
}
