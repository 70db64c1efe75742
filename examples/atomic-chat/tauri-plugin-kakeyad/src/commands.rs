//! What a page may ask, as `invoke('plugin:kakeyad|NAME', {...})`.

use std::path::PathBuf;

use kakeyad_app::{Address, Error, Progress, Result, Settings, State};
use serde::Serialize;
use serde_json::Value;
use tauri::ipc::Channel;
use tauri::{async_runtime, command};

use crate::{Kakeyad, store};

type Plugin<'a> = tauri::State<'a, Kakeyad>;

/// What a stream sends: chunks as they come, and then one `done` or one `error`, which is the last.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
pub enum Event {
    Chunk(Value),
    Done,
    Error(Error),
}

/// Starts the daemon unless it runs, and waits until it answers.
#[command]
pub async fn start(plugin: Plugin<'_>) -> Result<Address> {
    plugin.supervisor.start().await
}

/// Stops the daemon and waits until it has ended.
#[command]
pub async fn stop(plugin: Plugin<'_>) -> Result<()> {
    plugin.supervisor.stop().await;
    Ok(())
}

/// Sends the daemon's state, and each one to come, as long as the page lives. After a restart the daemon may have
/// another address.
#[command]
pub async fn watch(plugin: Plugin<'_>, on_state: Channel<State>) -> Result<()> {
    let mut states = plugin.supervisor.states();
    async_runtime::spawn(async move {
        loop {
            let state = states.borrow_and_update().clone();
            if on_state.send(state).is_err() || states.changed().await.is_err() {
                return; // the page, or the plugin, is gone
            }
        }
    });
    Ok(())
}

#[command]
pub async fn settings(plugin: Plugin<'_>) -> Result<Settings> {
    Ok(plugin.settings.lock().expect("nothing panics under this lock").clone())
}

/// Keeps the settings and starts a running daemon anew with them. They name a program to run: allow this to pages
/// that nobody else can speak through.
#[command]
pub async fn configure(plugin: Plugin<'_>, settings: Settings) -> Result<()> {
    store::write(&plugin.home, &settings)?;
    *plugin.settings.lock().expect("nothing panics under this lock") = settings.clone();
    plugin.supervisor.configure(settings).await
}

/// The channels, as the daemon's `/v1/models` lists them.
#[command]
pub async fn list_models(plugin: Plugin<'_>) -> Result<Vec<Value>> {
    plugin.supervisor.client()?.list_models().await
}

/// A whole answer. With a `requestId` it can be cancelled.
#[command]
pub async fn chat_completion(plugin: Plugin<'_>, request: Value, request_id: Option<String>) -> Result<Value> {
    let client = plugin.supervisor.client()?;
    let work = client.chat_completion(request, request_id.as_deref());
    match &request_id {
        Some(id) => plugin.requests.run(id, work).await,
        None => work.await,
    }
}

/// An answer in chunks, sent through a channel that the page listens on before it asks: no event is lost, and they
/// come in order. Resolves when the last was sent. With a `requestId` it can be cancelled; it ends with its page too.
#[command]
pub async fn stream(
    plugin: Plugin<'_>,
    request: Value,
    request_id: Option<String>,
    on_event: Channel<Event>,
) -> Result<()> {
    let work = pass_on(&plugin, request, request_id.as_deref(), &on_event);
    let end = match &request_id {
        Some(id) => plugin.requests.run(id, work).await,
        None => work.await,
    };
    let _ = on_event.send(end.map_or_else(Event::Error, |()| Event::Done)); // a page that is gone wants no end
    Ok(())
}

async fn pass_on(plugin: &Kakeyad, request: Value, id: Option<&str>, on_event: &Channel<Event>) -> Result<()> {
    let mut chunks = plugin.supervisor.client()?.stream(request, id).await?;
    while let Some(chunk) = chunks.next().await? {
        if on_event.send(Event::Chunk(chunk)).is_err() {
            break; // dropping the chunks ends the generation
        }
    }
    Ok(())
}

/// Ends a request of this app by its `requestId`, or any of the daemon's by the id of its answer; false when there is
/// none.
#[command]
pub async fn cancel(plugin: Plugin<'_>, request_id: String) -> Result<bool> {
    if plugin.requests.cancel(&request_id) {
        return Ok(true);
    }
    plugin.supervisor.client()?.cancel(&request_id).await
}

#[command]
pub async fn health(plugin: Plugin<'_>) -> Result<Value> {
    plugin.supervisor.client()?.health().await
}

#[command]
pub async fn stats(plugin: Plugin<'_>) -> Result<Value> {
    plugin.supervisor.client()?.stats().await
}

/// Brings a GGUF file into the daemon's models and resolves when it can be asked for. Not where the settings name a
/// configuration of one's own: that says what is served.
#[command]
pub async fn import_model(
    plugin: Plugin<'_>,
    name: String,
    path: PathBuf,
    on_progress: Channel<Progress>,
) -> Result<()> {
    let own = plugin.settings.lock().expect("nothing panics under this lock").config.clone();
    if let Some(config) = own {
        let message = format!("kakeyad serves what {} says: add the model {name} there", config.display());
        return Err(Error::new(kakeyad_app::Kind::Invalid, message));
    }
    plugin.home.prepare()?;
    let report = move |p| drop(on_progress.send(p)); // an import goes on without its page
    plugin.imports.run(&plugin.home, &name, &path, report).await?;
    match plugin.supervisor.client() {
        Ok(client) => client.listed(&name).await,
        Err(_) => Ok(()), // it is served from the next start on
    }
}

/// Ends an import; false when none of that name runs.
#[command]
pub async fn abort_import(plugin: Plugin<'_>, name: String) -> Result<bool> {
    Ok(plugin.imports.abort(&name))
}
