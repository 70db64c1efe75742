// Package config reads the daemon's configuration.
//
// # Layers
//
// Four layers lie over each other, key by key: the defaults, the YAML file, environment variables
// that begin with KAKEYAD_, and command-line flags. An environment variable is KAKEYAD_ and the
// key in capitals, with "__" between the parts of a nested key: pool.idle_ttl is
// KAKEYAD_POOL__IDLE_TTL. What has a name of its own (models, channels, aliases, the plugin list)
// is given in the file alone.
//
// # Checks
//
// Every layer is checked against the schema in schema.json, which is generated from [Config], and
// the whole is composed into a [channel.Set]. All that is wrong is told at once as an [*Error],
// each [Problem] with its file, line and column, or its variable or flag.
//
// # Reload
//
// [Watch] reads the configuration again when a file of it changes. What is wrong is refused whole.
package config

//go:generate go run ./gen
