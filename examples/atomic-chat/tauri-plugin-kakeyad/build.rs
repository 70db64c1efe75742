const COMMANDS: &[&str] = &[
    "start",
    "stop",
    "watch",
    "settings",
    "configure",
    "list_models",
    "chat_completion",
    "stream",
    "cancel",
    "health",
    "stats",
    "import_model",
    "abort_import",
];

fn main() {
    tauri_plugin::Builder::new(COMMANDS).build();
}
