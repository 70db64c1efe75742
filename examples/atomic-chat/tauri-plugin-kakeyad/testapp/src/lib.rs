//! An app without a window that has the plugin, on Tauri's mock runtime: what tests run and kill.

use std::path::Path;

use tauri::ipc::{CallbackFn, InvokeResponseBody};
use tauri::test::{MockRuntime, mock_builder};
use tauri::{App, Builder};
use tauri_plugin_kakeyad::Settings;

/// The app, with its capabilities, its plugin's home and what tauri.conf.json would say of the plugin. What the
/// plugin sends through channels goes to `sent`, by the channel's number.
pub fn app(
    home: &Path,
    settings: &Settings,
    sent: impl Fn(u32, serde_json::Value) + Send + Sync + 'static,
) -> App<MockRuntime> {
    let mut context = tauri::generate_context!();
    let settings = serde_json::to_value(settings).expect("settings are plain");
    context.config_mut().plugins.0.insert("kakeyad".into(), settings);
    let builder: Builder<MockRuntime> = mock_builder().channel_interceptor(move |_, CallbackFn(id), _, body| {
        if let InvokeResponseBody::Json(text) = body {
            sent(id, serde_json::from_str(text).expect("channels carry JSON"));
        }
        true
    });
    builder.plugin(tauri_plugin_kakeyad::Builder::new().home(home).build()).build(context).expect("the app is whole")
}
