//! A kakeyad daemon as a part of another program: started, watched, asked and ended.
//!
//! [`Supervisor`] runs the daemon as a child process with a port and a key of its own, starts it again when it dies
//! and ends it with the program, however the program ends. [`Client`] asks it. [`Home`] is the folder that it lives
//! in. Nothing here knows of Tauri: `tauri-plugin-kakeyad` is the thin layer above.
//!
//! What goes wrong is an [`Error`], which becomes `{kind, message, ...}` for a page.

mod actor;
mod client;
mod daemon;
mod error;
mod home;
mod import;
mod log_lines;
mod requests;
mod settings;
mod sse;
mod supervisor;

pub use client::{Chunks, Client};
pub use error::{Error, Kind, Result};
pub use home::Home;
pub use import::{Imports, Progress};
pub use requests::Requests;
pub use settings::{Device, Settings};
pub use supervisor::{Address, Patience, State, Supervisor};
