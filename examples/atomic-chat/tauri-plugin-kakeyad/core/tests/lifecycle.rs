//! The daemon's life under a supervisor: the real daemon, and scripts in its place where it must misbehave.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use kakeyad_app::{Home, Kind, Patience, Settings, State, Supervisor};
use testing::{PATIENCE, Place, alive, children, eventually, kill_9};
use tokio::time::timeout;

fn supervise(home: &Home, settings: Settings) -> Supervisor {
    let (supervisor, work) = Supervisor::new(home.clone(), settings);
    tokio::spawn(work);
    supervisor
}

/// Waits for a state that holds, and returns it.
async fn state(supervisor: &Supervisor, holds: impl FnMut(&State) -> bool) -> State {
    let mut states = supervisor.states();
    timeout(PATIENCE, states.wait_for(holds))
        .await
        .expect("waited in vain for a state")
        .expect("the work goes on")
        .clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn starts_once_and_stops() {
    let place = Place::new();
    let s = supervise(&place.home, place.settings.clone());
    assert_eq!(s.client().unwrap_err().kind, Kind::NotRunning);
    let (first, second) = tokio::join!(s.start(), s.start());
    let at = first.unwrap();
    assert_eq!(second.unwrap(), at, "one daemon for all who ask");
    assert_eq!(s.start().await.unwrap(), at);
    assert!(at.api_key.len() >= 32 && alive(at.pid));
    assert_eq!(s.client().unwrap().health().await.unwrap()["status"], "ok");
    assert!(
        !fs::read_dir(place.home.dir()).unwrap().any(|e| e.unwrap().path().extension().is_some_and(|x| x == "addr"))
    );

    s.stop().await;
    assert_eq!(*s.states().borrow(), State::Stopped);
    assert!(!alive(at.pid));
    let again = s.start().await.unwrap();
    assert_ne!(again.pid, at.pid);
    assert_eq!((again.url, again.api_key), (at.url, at.api_key), "who knew the daemon still does");
    s.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn is_back_after_kill_9() {
    let place = Place::new();
    let s = supervise(&place.home, place.settings.clone());
    let before = s.start().await.unwrap();
    for _ in 0..2 {
        let State::Running(now) = s.states().borrow().clone() else { panic!("it runs") };
        kill_9(now.pid);
        let State::Running(next) = state(&s, |x| matches!(x, State::Running(at) if at.pid != now.pid)).await else {
            unreachable!()
        };
        assert_eq!((&next.url, &next.api_key), (&before.url, &before.api_key));
        assert!(!alive(now.pid));
        assert_eq!(s.client().unwrap().health().await.unwrap()["status"], "ok");
    }
    s.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_with_the_last_handle() {
    let place = Place::new();
    let s = supervise(&place.home, place.settings.clone());
    let at = s.start().await.unwrap();
    drop(s);
    eventually("the end of the daemon", || !alive(at.pid));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_said() {
    let place = Place::new();
    let other = TcpListener::bind((place.settings.host.as_str(), 0)).unwrap();
    let taken = other.local_addr().unwrap();
    let port = taken.port();
    let s = supervise(&place.home, Settings { port, ..place.settings.clone() });
    let e = s.start().await.unwrap_err();
    assert_eq!(e.kind, Kind::Ended);
    assert!(e.message.contains(&format!("{taken} is taken by another program")), "{e}");
    assert_eq!(*s.states().borrow(), State::Failed { error: e.clone() });
    assert_eq!(s.client().unwrap_err(), e);

    s.configure(Settings { port: 0, ..place.settings.clone() }).await.unwrap();
    assert_ne!(s.start().await.unwrap().url, format!("http://{taken}"), "it can be mended while the program runs");
    s.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_free_port_that_was_taken_meanwhile_is_given_up() {
    let place = Place::new();
    let s = supervise(&place.home, place.settings.clone());
    let before = s.start().await.unwrap();
    s.stop().await;
    let _other = TcpListener::bind(before.url.trim_start_matches("http://")).unwrap();
    assert_ne!(s.start().await.unwrap().url, before.url);
    s.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_in_the_configuration_is_said() {
    let place = Place::new();
    fs::write(place.settings.config.as_ref().unwrap(), "chanels: {}\n").unwrap();
    let s = supervise(&place.home, place.settings.clone());
    let e = s.start().await.unwrap_err();
    assert_eq!(e.kind, Kind::Ended);
    assert!(e.message.contains("own.yaml:1:1") && e.message.contains("channels"), "{e}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_does_not_answer_is_ended() {
    let place = Place::new();
    let pid = place.dir.path().join("pid");
    let script =
        place.script(&format!("echo $$ > {}; echo waiting for better days >&2; exec sleep 600", pid.display()));
    let patience = Patience { healthy_within: Duration::from_millis(500), ..Patience::default() };
    let (s, work) = Supervisor::with_patience(
        place.home.clone(),
        Settings { binary: Some(script), ..place.settings.clone() },
        patience,
    );
    tokio::spawn(work);
    let e = s.start().await.unwrap_err();
    assert_eq!(e.kind, Kind::NotHealthy, "{e}");
    assert!(e.message.contains("did not answer within 0.5 s"), "{e}");
    if let Ok(pid) = fs::read_to_string(pid) {
        assert!(!alive(pid.trim().parse().unwrap()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_a_start() {
    let place = Place::new();
    let pid = place.dir.path().join("pid");
    let script = place.script(&format!("echo $$ > {}; exec sleep 600", pid.display()));
    let s = supervise(&place.home, Settings { binary: Some(script), ..place.settings.clone() });
    let starting = tokio::spawn({
        let s = s.clone();
        async move { s.start().await }
    });
    let pid = tokio::task::spawn_blocking(move || testing::line_of(&pid)).await.unwrap();
    s.stop().await;
    assert_eq!(starting.await.unwrap().unwrap_err().kind, Kind::NotRunning);
    eventually("the end of the script", || !alive(pid.parse().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_not_there_is_said() {
    let place = Place::new();
    let s = supervise(&place.home, Settings { binary: Some("/nowhere/kakeyad".into()), ..place.settings.clone() });
    let e = s.start().await.unwrap_err();
    assert_eq!(e.kind, Kind::NoBinary);
    assert!(e.message.contains("/nowhere/kakeyad") && e.message.contains("\"binary\""), "{e}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_dies_again_and_again_fails() {
    let place = Place::new();
    let mark = place.dir.path().join("mark");
    let script = place.script(&format!(
        "[ -e {0} ] && {{ echo no more today >&2; exit 3; }}; touch {0}; exec $KAKEYAD \"$@\"",
        mark.display()
    ));
    let patience = Patience { restarts: vec![Duration::from_millis(1); 3], ..Patience::default() };
    let (s, work) = Supervisor::with_patience(
        place.home.clone(),
        Settings { binary: Some(script), ..place.settings.clone() },
        patience,
    );
    tokio::spawn(work);
    kill_9(s.start().await.unwrap().pid);
    let State::Failed { error } = state(&s, |x| matches!(x, State::Failed { .. })).await else { unreachable!() };
    assert_eq!(error.kind, Kind::Ended);
    assert!(error.message.contains("no more today"), "{error}");

    fs::remove_file(&mark).unwrap();
    s.start().await.expect("a person may try again");
    s.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_settings_start_it_anew() {
    let place = Place::new();
    let s = supervise(&place.home, place.settings.clone());
    let before = s.start().await.unwrap();
    s.configure(Settings { auto_start: false, ..place.settings.clone() }).await.unwrap();
    assert_eq!(s.start().await.unwrap(), before, "nothing that the daemon knows has changed");

    s.configure(Settings { device: kakeyad_app::Device::Cpu, ..place.settings.clone() }).await.unwrap();
    let after = s.start().await.unwrap();
    assert_ne!(after.pid, before.pid);
    assert_eq!(after.url, before.url);
    assert!(!alive(before.pid));
    s.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_end_with_the_daemon() {
    let place = Place::new();
    let s = supervise(&place.home, place.settings.clone());
    let at = s.start().await.unwrap();
    let hello = serde_json::json!({"model": testing::MODEL, "max_tokens": 1, "messages": [{"role": "user", "content": "Hello"}]});
    s.client().unwrap().chat_completion(hello, None).await.unwrap();
    let plugins = children(at.pid);
    assert!(!plugins.is_empty());
    s.stop().await;
    assert!(plugins.iter().all(|&p| !alive(p)), "{plugins:?}");
}
