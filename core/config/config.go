package config

import (
	"github.com/kakeyad/kakeyad/core/channel"
)

// Config is a whole configuration, merged, checked and composed. It is immutable: do not write to
// it or to what it points at.
//
// The comments of the fields that have a json tag are the descriptions in the schema and in
// docs/config.md. The tag reload:"restart" marks what a running daemon does not take over, the tag
// path:"true" what is relative to the configuration file's folder.
type Config struct {
	// Address to serve HTTP on, as host:port. An empty host is all interfaces.
	Listen string `json:"listen,omitempty" reload:"restart" jsonschema:"format=hostport"`
	// Folder of model files. A model's file is relative to it.
	ModelsDir string `json:"models_dir,omitempty" path:"true" jsonschema:"minLength=1"`
	// Folder for what must outlive the daemon. By default kakeyad below XDG_STATE_HOME, or
	// .local/state/kakeyad in the home folder.
	DataDir string `json:"data_dir,omitempty" path:"true" reload:"restart" jsonschema:"minLength=1"`
	// Memory for loaded models: a size such as 8GiB, a share of the machine's such as 50%, or auto,
	// which is half of it.
	Memory Memory `json:"memory,omitempty" reload:"restart"`
	// Whether model files in models_dir that no model names are served too, each under a short name
	// made of its profile or its file name: always, never, or auto, which does so when the
	// configuration names no models.
	Discover string `json:"discover,omitempty" jsonschema:"enum=auto,enum=always,enum=never"`
	// Whether a request may name a channel id that is not configured, when its model is and its
	// parts are known.
	ComposeOnRequest bool `json:"compose_on_request"`

	// The log.
	Log Log `json:"log,omitempty"`
	// The HTTP server.
	Server Server `json:"server,omitempty"`
	// Loaded models.
	Pool Pool `json:"pool,omitempty" reload:"restart"`
	// What is kept of conversations that are idle: pages of their KV cache, packed.
	Sessions Sessions `json:"sessions,omitempty" reload:"restart"`
	// Plugin processes.
	Plugins Plugins `json:"plugins,omitempty" reload:"restart"`

	// Models, by short name.
	Models map[string]Model `json:"models,omitempty"`
	// What every channel starts from.
	Defaults Defaults `json:"defaults,omitempty"`
	// Channels, by name. A name that is a channel id says what it is made of; any other name needs
	// a model.
	Channels map[string]Channel `json:"channels,omitempty"`
	// Other names, each for a channel or a channel id.
	Aliases map[string]string `json:"aliases,omitempty"`

	// Set is the channels, composed.
	Set *channel.Set `json:"-"`
	// File is the configuration file's absolute path, "" when there is none.
	File string `json:"-"`
	// Keys are the API keys, of api_key and of the file.
	Keys []string `json:"-"`
	// Files are all files that the configuration was read from, File first, chat templates and API
	// keys after.
	Files []string `json:"-"`
	// Notices are what is odd but not wrong, for the log.
	Notices []string `json:"-"`

	// NeedRestart are the keys that differ from what the daemon was started with and that it does
	// not take over while it runs. Only Watch sets it.
	NeedRestart []string `json:"-"`

	digest string // of the bytes of Files and the list of models found
}

// Log says how the daemon logs.
type Log struct {
	// Least important level that is written.
	Level string `json:"level,omitempty" jsonschema:"enum=debug,enum=info,enum=warn,enum=error"`
	// Form of a line: text for people, json for machines, auto for text on a terminal and json
	// otherwise.
	Format string `json:"format,omitempty" reload:"restart" jsonschema:"enum=auto,enum=text,enum=json"`
}

// Server bounds what HTTP clients may do.
type Server struct {
	// Largest request body.
	MaxBody Size `json:"max_body,omitempty" reload:"restart"`
	// Longest time for a whole request to arrive.
	ReadTimeout Duration `json:"read_timeout,omitempty" reload:"restart"`
	// Longest time that a connection may stay open without a request.
	IdleTimeout Duration `json:"idle_timeout,omitempty" reload:"restart"`
	// Longest time from a request to the end of its answer. A channel may allow less. By default
	// there is no limit.
	RequestTimeout Duration `json:"request_timeout,omitempty" reload:"restart"`
	// Most requests that generate at the same time, all channels together. 0 is no limit.
	MaxStreams int `json:"max_streams,omitempty" reload:"restart" jsonschema:"minimum=0"`
	// Most requests of one API key that generate at the same time. 0 is no limit.
	MaxStreamsPerKey int `json:"max_streams_per_key,omitempty" reload:"restart" jsonschema:"minimum=0"`
	// Most requests that wait because of these two limits; more are told to come back.
	Queue int `json:"queue,omitempty" reload:"restart" jsonschema:"minimum=0"`
	// How long a request waits before it is told to come back.
	QueueWait Duration `json:"queue_wait,omitempty" reload:"restart"`
	// API key that clients need. It is better given as KAKEYAD_SERVER__API_KEY or in a file of its
	// own. Without keys the server is open to all who reach it.
	APIKey string `json:"api_key,omitempty"`
	// File of API keys, one a line. Empty lines and those that begin with # are left out. It is read
	// again when it changes.
	APIKeysFile string `json:"api_keys_file,omitempty" path:"true"`
	// Web origins whose pages may call the server, such as https://chat.example, or * for any. By
	// default those of this machine.
	Origins []string `json:"origins,omitempty" reload:"restart"`
	// File of the TLS certificate and those that vouch for it, in PEM. With it HTTPS is served.
	TLSCert string `json:"tls_cert,omitempty" path:"true" reload:"restart"`
	// File of the certificate's key, in PEM.
	TLSKey string `json:"tls_key,omitempty" path:"true" reload:"restart"`
	// How long running requests may go on after the daemon was told to stop.
	ShutdownGrace Duration `json:"shutdown_grace,omitempty" reload:"restart"`
}

// Pool says how long loaded models stay.
type Pool struct {
	// A model that nobody has used for so long is unloaded; never keeps it. A channel may say
	// otherwise.
	IdleTTL TTL `json:"idle_ttl,omitempty"`
	// How long unloading a model may take before its plugin is taken for hung.
	UnloadTimeout Duration `json:"unload_timeout,omitempty"`
}

// Sessions says where packed pages of KV cache are kept, how many, and for whom. Which channels pack
// theirs is each channel's to say, see [Cache].
type Sessions struct {
	// Memory for packed pages, beside that for loaded models; 0 keeps none there.
	RAM Size `json:"ram,omitempty"`
	// Room for packed pages on disk; 0 keeps none there. When both are 0 no pages are kept at all.
	Disk Size `json:"disk,omitempty"`
	// Folder of the pages on disk. One daemon uses it at a time. By default sessions in data_dir.
	Dir string `json:"dir,omitempty" path:"true" jsonschema:"minLength=1"`
	// Pages that nobody has used for so long are dropped; never keeps them as long as there is room.
	TTL TTL `json:"ttl,omitempty"`
	// Who may use a page: shared is everybody, key only requests with the API key that it was computed
	// for. With shared, a request can tell by how soon its answer begins whether its prompt's beginning
	// was asked before.
	Scope string `json:"scope,omitempty" jsonschema:"enum=shared,enum=key"`
}

// Plugins says which plugins there are and how they are watched over.
type Plugins struct {
	// Folder of plugin binaries, named kakeya-<kind>-<name>. By default the folder of the daemon's
	// own binary.
	Dir string `json:"dir,omitempty" path:"true" jsonschema:"minLength=1"`
	// Plugins beside those in dir. One of the same kind and name replaces that of dir.
	List []Plugin `json:"list,omitempty"`
	// How long a plugin may take to start.
	StartTimeout Duration `json:"start_timeout,omitempty"`
	// How long a plugin may take to stop before it is killed.
	StopTimeout Duration `json:"stop_timeout,omitempty"`
	// How long a call that is quick, such as packing a page or tokenizing a prompt, may take before
	// the plugin is taken for hung and started again. Generating, scoring and loading may take any
	// time, as long as they get on: they have hung when nothing has happened for ten times as long
	// (loading: twenty times).
	CallTimeout Duration `json:"call_timeout,omitempty"`
	// Health checks of running plugins.
	Health Health `json:"health,omitempty"`
	// Restarts of plugins that died.
	Restart Restart `json:"restart,omitempty"`
}

// Plugin is one plugin binary.
type Plugin struct {
	// Name that channels use.
	Name string `json:"name" jsonschema:"required,pattern=^[a-z]([a-z0-9_-]*[a-z0-9])?$"`
	// What it is.
	Kind string `json:"kind" jsonschema:"required,enum=backend,enum=codec,enum=drafter"`
	// Its binary. A path without a separator is relative to the configuration file too, never
	// looked up in PATH.
	Path string `json:"path" path:"true" jsonschema:"required,minLength=1"`
	// Arguments.
	Args []string `json:"args,omitempty"`
	// Environment variables beside those that every plugin gets.
	Env map[string]string `json:"env,omitempty"`
	// SHA-256 of the binary, 64 hexadecimal digits. When given, another binary is refused.
	SHA256 string `json:"sha256,omitempty" jsonschema:"pattern=^[0-9a-fA-F]{64}$"`
}

// Health says how plugins are checked.
type Health struct {
	// Time between two checks of a plugin.
	Interval Duration `json:"interval,omitempty"`
	// A check that takes longer means that the plugin hangs.
	Timeout Duration `json:"timeout,omitempty"`
}

// Restart says how long to wait before a plugin that died is started again. The wait doubles with
// each death from min to max.
type Restart struct {
	// First wait.
	Min Duration `json:"min,omitempty"`
	// Longest wait.
	Max Duration `json:"max,omitempty"`
}
