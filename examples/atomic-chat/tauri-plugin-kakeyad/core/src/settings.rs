use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a person can set of the daemon. What is not given has its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The address that the daemon listens on.
    pub host: String,
    /// 0 is any free port: it is chosen at the first start and kept while the program runs.
    pub port: u16,
    /// Start the daemon with the program. When off, it is started when asked for.
    pub auto_start: bool,
    pub device: Device,
    /// A configuration of one's own, the whole of what is served. Without one every model in the home's folder
    /// `models` is served.
    pub config: Option<PathBuf>,
    /// The program `kakeyad`, with its plugins beside it. Without one it is looked for beside the running program,
    /// then in PATH.
    pub binary: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { host: "127.0.0.1".into(), port: 0, auto_start: true, device: Device::Auto, config: None, binary: None }
    }
}

/// Where models run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// As the configuration says, else on the CPU.
    #[default]
    Auto,
    Cpu,
    /// All layers on the GPU, where the backend was built for one.
    Gpu,
}

impl Device {
    /// The value of the daemon's key `defaults.load.gpu_layers`, if any.
    pub(crate) fn gpu_layers(self) -> Option<&'static str> {
        match self {
            Device::Auto => None,
            Device::Cpu => Some("0"),
            Device::Gpu => Some("-1"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_given_has_its_default() {
        let s: Settings = serde_json::from_str(r#"{"port": 9000, "device": "gpu"}"#).unwrap();
        assert_eq!(s, Settings { port: 9000, device: Device::Gpu, ..Settings::default() });
        assert_eq!(s.device.gpu_layers(), Some("-1"));
    }

    #[test]
    fn what_is_no_setting_is_an_error() {
        for bad in [r#"{"prot": 1}"#, r#"{"port": 65536}"#, r#"{"device": "tpu"}"#] {
            assert!(serde_json::from_str::<Settings>(bad).is_err(), "{bad}");
        }
    }
}
