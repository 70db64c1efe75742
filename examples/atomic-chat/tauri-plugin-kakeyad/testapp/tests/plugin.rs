//! The plugin as a page meets it: commands and channels of an app on Tauri's mock runtime, under the app's real
//! capabilities, with the real daemon and model behind.

use std::sync::mpsc::{Receiver, channel};

use serde_json::{Value, json};
use tauri::ipc::{CallbackFn, InvokeBody};
use tauri::test::{INVOKE_KEY, MockRuntime, get_ipc_response};
use tauri::webview::InvokeRequest;
use tauri::{App, Manager, WebviewWindow, WebviewWindowBuilder, async_runtime};
use tauri_plugin_kakeyad::{Device, Kakeyad, Settings};
use testing::{GONE, MODEL, PATIENCE, Place};

/// An app with a window, and what its channels carried.
struct Page {
    app: App<MockRuntime>,
    window: WebviewWindow<MockRuntime>,
    sent: Receiver<(u32, Value)>,
}

impl Page {
    fn open(place: &Place, settings: &Settings) -> Self {
        let (send, sent) = channel();
        let app = testapp::app(place.home.dir(), settings, move |id, body| drop(send.send((id, body))));
        let window = WebviewWindowBuilder::new(&app, "main", Default::default()).build().unwrap();
        Self { app, window, sent }
    }

    fn invoke(&self, command: &str, args: Value) -> Result<Value, Value> {
        invoke(&self.window, command, args)
    }

    /// The next thing that came through a channel.
    fn next(&self, id: u32) -> Value {
        let (got, body) = self.sent.recv_timeout(PATIENCE).expect("something comes");
        assert_eq!(got, id);
        body
    }

    /// All events of a stream, to its end.
    fn events(&self, id: u32) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            events.push(self.next(id));
            if events.last().unwrap()["event"] != "chunk" {
                return events;
            }
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        async_runtime::block_on(self.app.state::<Kakeyad>().supervisor().stop());
    }
}

fn invoke(window: &WebviewWindow<MockRuntime>, command: &str, args: Value) -> Result<Value, Value> {
    let request = InvokeRequest {
        cmd: format!("plugin:kakeyad|{command}"),
        callback: CallbackFn(0),
        error: CallbackFn(1),
        url: "tauri://localhost".parse().unwrap(),
        body: InvokeBody::Json(args),
        headers: Default::default(),
        invoke_key: INVOKE_KEY.to_string(),
    };
    get_ipc_response(window, request).map(|body| body.deserialize().unwrap())
}

/// A channel as the page's script passes it.
fn through(id: u32) -> Value {
    json!(format!("__CHANNEL__:{id}"))
}

fn say(text: &str, max_tokens: u32) -> Value {
    json!({"model": MODEL, "max_tokens": max_tokens, "messages": [{"role": "user", "content": text}]})
}

#[test]
fn a_page_lists_asks_and_streams() {
    let place = Place::new();
    let page = Page::open(&place, &place.settings);
    let at = page.invoke("start", json!({})).unwrap();
    assert!(at["url"].as_str().unwrap().starts_with("http://127."), "{at}");
    assert_eq!(page.invoke("health", json!({})).unwrap()["status"], "ok");
    let models = page.invoke("list_models", json!({})).unwrap();
    assert!(models.as_array().unwrap().iter().any(|m| m["id"] == MODEL), "{models}");

    let question = say("What is the capital of France?", 16);
    let whole = page.invoke("chat_completion", json!({"request": question})).unwrap();
    let text = whole["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(text.contains("Paris"), "{text}");

    page.invoke("stream", json!({"request": question, "onEvent": through(7)})).unwrap();
    let events = page.events(7);
    let streamed: String = events.iter().filter_map(|e| e["data"]["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(streamed, text, "from the first word on");
    assert_eq!(events.last().unwrap()["event"], "done");
    assert!(events.iter().any(|e| e["data"]["usage"]["completion_tokens"] == whole["usage"]["completion_tokens"]));
    assert!(page.invoke("stats", json!({})).unwrap()["pool"]["used_bytes"].as_u64().unwrap() > 0);
}

#[test]
fn a_stream_is_cancelled() {
    let place = Place::new();
    let page = Page::open(&place, &place.settings);
    page.invoke("start", json!({})).unwrap();
    let mut story = say("Write a very long story.", 1500);
    story["ignore_eos"] = json!(true);
    std::thread::scope(|s| {
        let streaming = s.spawn(|| {
            invoke(&page.window, "stream", json!({"request": story, "requestId": "r1", "onEvent": through(3)}))
        });
        assert_eq!(page.next(3)["event"], "chunk");
        assert_eq!(page.invoke("cancel", json!({"requestId": "r1"})).unwrap(), true);
        let events = page.events(3);
        let last = events.last().unwrap();
        assert_eq!((&last["event"], &last["data"]["kind"]), (&json!("error"), &json!("cancelled")));
        assert_eq!(streaming.join().unwrap().unwrap(), Value::Null);
    });
    testing::eventually("the end of the request in the daemon", || {
        page.invoke("cancel", json!({"requestId": "r1"})).unwrap() == false
    });
    // the daemon goes on for others
    assert!(page.invoke("chat_completion", json!({"request": say("Hello", 1), "requestId": "r1"})).is_ok());
}

#[test]
fn errors_are_what_the_daemon_says() {
    let place = Place::new();
    let page = Page::open(&place, &Settings { auto_start: false, ..place.settings.clone() });
    assert_eq!(page.invoke("health", json!({})).unwrap_err()["kind"], "not_running");
    page.invoke("start", json!({})).unwrap();
    let mut request = say("Hello", 1);
    request["model"] = json!(GONE);
    page.invoke("stream", json!({"request": request, "onEvent": through(1)})).unwrap();
    let events = page.events(1);
    assert_eq!(events.len(), 1);
    assert_eq!((&events[0]["event"], &events[0]["data"]["code"]), (&json!("error"), &json!("model_load_failed")));
    assert!(events[0]["data"]["message"].as_str().unwrap().contains("gone.gguf"));

    page.invoke("stop", json!({})).unwrap();
    assert_eq!(page.invoke("list_models", json!({})).unwrap_err()["kind"], "not_running");
}

#[test]
fn a_page_sees_the_daemon_die_and_come_back() {
    let place = Place::new();
    let page = Page::open(&place, &Settings { auto_start: false, ..place.settings.clone() });
    page.invoke("watch", json!({"onState": through(9)})).unwrap();
    assert_eq!(page.next(9)["state"], "stopped");
    let at = page.invoke("start", json!({})).unwrap();
    let until = |pid: Option<u64>| loop {
        let state = page.next(9);
        if state["state"] == "running" && state["pid"].as_u64() != pid {
            return state;
        }
    };
    let first = until(None);
    assert_eq!((&first["url"], &first["api_key"], &first["pid"]), (&at["url"], &at["api_key"], &at["pid"]));
    let pid = at["pid"].as_u64();
    testing::kill_9(pid.unwrap().try_into().unwrap());
    assert_eq!(until(pid)["url"], at["url"]);
}

#[test]
fn an_imported_model_answers() {
    let place = Place::new();
    let settings = Settings { config: None, ..place.settings.clone() };
    let page = Page::open(&place, &settings);
    page.invoke("start", json!({})).unwrap();
    let file = testing::model_file();
    page.invoke("import_model", json!({"name": "mine", "path": file, "onProgress": through(5)})).unwrap();
    let bytes = std::fs::metadata(&file).unwrap().len();
    let mut progress = page.next(5);
    while progress["bytes"] != bytes {
        progress = page.next(5);
    }
    assert_eq!(progress["total"], bytes);
    let mut request = say("What is the capital of France?", 16);
    request["model"] = json!("mine");
    request["temperature"] = json!(0); // nothing else says so
    assert!(page.invoke("chat_completion", json!({"request": request})).unwrap().to_string().contains("Paris"));
    assert_eq!(page.invoke("abort_import", json!({"name": "mine"})).unwrap(), false);
    let again =
        page.invoke("import_model", json!({"name": "mine", "path": file, "onProgress": through(6)})).unwrap_err();
    assert_eq!(again["kind"], "invalid");
}

#[test]
fn a_configuration_of_ones_own_says_what_is_served() {
    let place = Place::new();
    let page = Page::open(&place, &Settings { auto_start: false, ..place.settings.clone() });
    let refused =
        page.invoke("import_model", json!({"name": "mine", "path": "/x.gguf", "onProgress": through(1)})).unwrap_err();
    assert!(refused["message"].as_str().unwrap().contains("own.yaml"), "{refused}");
}

#[test]
fn windows_may_do_what_their_capability_allows() {
    let place = Place::new();
    let page = Page::open(&place, &Settings { auto_start: false, ..place.settings.clone() });
    let configure = json!({"settings": place.settings});
    let refused = page.invoke("configure", configure).unwrap_err();
    assert!(refused.as_str().unwrap().contains("not allowed"), "a page that may name a program runs any: {refused}");

    let chat = WebviewWindowBuilder::new(&page.app, "chat", Default::default()).build().unwrap();
    assert_eq!(invoke(&chat, "health", json!({})).unwrap_err()["kind"], "not_running", "it may ask");
    for command in ["start", "stop", "settings", "import_model"] {
        assert!(invoke(&chat, command, json!({})).unwrap_err().as_str().unwrap().contains("not allowed"), "{command}");
    }
    let stranger = WebviewWindowBuilder::new(&page.app, "stranger", Default::default()).build().unwrap();
    assert!(invoke(&stranger, "health", json!({})).unwrap_err().as_str().unwrap().contains("not allowed"));
}

#[test]
fn what_a_person_sets_holds_at_once_and_outlives_the_app() {
    let place = Place::new();
    let quiet = Settings { auto_start: false, ..place.settings.clone() };
    let set = Settings { device: Device::Cpu, ..quiet.clone() };
    {
        let page = Page::open(&place, &quiet);
        let before = page.invoke("start", json!({})).unwrap();
        let person = WebviewWindowBuilder::new(&page.app, "settings", Default::default()).build().unwrap();
        invoke(&person, "configure", json!({"settings": set})).unwrap();
        let after = page.invoke("start", json!({})).unwrap();
        assert_ne!(after["pid"], before["pid"], "started anew");
        assert!(invoke(&person, "configure", json!({"settings": {"prot": 1}})).is_err());
    }
    let page = Page::open(&place, &Settings::default());
    assert_eq!(page.invoke("settings", json!({})).unwrap(), json!(set));
    drop(page);
    std::fs::write(place.home.dir().join("settings.json"), "{").unwrap();
    let page = Page::open(&place, &quiet);
    assert_eq!(page.invoke("settings", json!({})).unwrap(), json!(quiet), "a broken file is left alone");
}
