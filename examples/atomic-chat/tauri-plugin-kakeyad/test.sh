#!/usr/bin/env bash
# Formatting, clippy and tests of the plugin against the daemon in KAKEYA_BIN. The Tauri layer needs the headers of
# WebKitGTK on Linux to compile; where they are missing, its tests are skipped and the core's are run.
set -euo pipefail
cd "$(dirname "$0")"
if ! command -v cargo >/dev/null; then
	echo "SKIPPED: cargo is not installed, so that the Tauri plugin is neither built nor tested"
	exit 0
fi
packages=(--workspace)
if [ "$(uname)" = Linux ] && ! pkg-config --exists webkit2gtk-4.1; then
	packages=(--package kakeyad-app --package testing)
	echo "SKIPPED: libwebkit2gtk-4.1-dev is not installed, so that the Tauri layer is neither built nor tested; its core is"
fi
cargo fmt --all --check
cargo clippy --quiet --locked "${packages[@]}" --all-targets -- -D warnings
cargo test --quiet --locked "${packages[@]}" --no-fail-fast
