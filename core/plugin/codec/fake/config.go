package fake

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// EnvConfig names the environment variable that holds a [Config] as JSON for the plugin binary.
const EnvConfig = "KAKEYA_FAKE"

// Config is what the codec does. The zero value keeps the contract.
type Config struct {
	Start  string `json:"start,omitempty"`  // "exit", "hang": how the start fails, see the main
	Health string `json:"health,omitempty"` // "bad": not OK; "hang": no answer

	Mode string `json:"mode,omitempty"` // "none" or "int8", where params say nothing; "": none
	Lie  Lie    `json:"lie,omitempty"`  // breaks a promise

	Delay  Duration `json:"delay,omitempty"`  // before each call of a stream
	Slower float64  `json:"slower,omitempty"` // share of the time since the last call that each call computes for nothing
	After  int      `json:"after,omitempty"`  // calls of streams before Hang, Die and Fail act
	Hang   string   `json:"hang,omitempty"`   // "call": until cancelled; "deaf": whatever happens, see Codec.Wake
	Die    string   `json:"die,omitempty"`    // "exit", "kill": the process ends, by os.Exit(1) or SIGKILL
	Fail   string   `json:"fail,omitempty"`   // calls end in an error of this text; "panic": they panic
	Once   string   `json:"once,omitempty"`   // Start, Hang, Die and Fail act only if this file does not exist, and make it

	Exit func() `json:"-"` // how to die; nil: the process exits or kills itself
}

// Lie is a promise that is broken.
type Lie string

// The lies.
const (
	LieBytes     Lie = "bytes"     // frames are longer than Bits tells
	LieBound     Lie = "bound"     // decoding loses more than ErrorBound tells
	LieDamage    Lie = "damage"    // Decode does not look at the checksum
	LieHeaders   Lie = "headers"   // Decode takes frames of other vectors
	LieShape     Lie = "shape"     // Decode takes frames of other shapes
	LieMemory    Lie = "memory"    // frames depend on those before
	LieRoundTrip Lie = "roundtrip" // RoundTrip is not Decode of Encode
	LieWrite     Lie = "write"     // Encode changes its vectors
	LieDst       Lie = "dst"       // Encode forgets what it is to append to
	LieFinite    Lie = "finite"    // infinite vectors pass
	LieSizes     Lie = "sizes"     // vectors of wrong lengths pass
	LieParams    Lie = "params"    // unknown parameters pass
	LieAffine    Lie = "affine"    // the affine form is another
	LieClosed    Lie = "closed"    // a closed stream works on
	LieCancel    Lie = "cancel"    // contexts are not looked at
	LieHuge      Lie = "huge"      // frames are far longer than what they hold
	LieDescribe  Lie = "describe"  // Params of the description do not give the same stream
)

// Duration is a time.Duration that reads as "150ms" in JSON.
type Duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// ConfigFromEnv reads [EnvConfig]; unset is the zero Config.
func ConfigFromEnv() (Config, error) {
	var c Config
	text := os.Getenv(EnvConfig)
	if text == "" {
		return c, nil
	}
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return c, fmt.Errorf("%s: %w", EnvConfig, err)
	}
	return c, nil
}

// StartsBadly says whether this process is to do what Start tells.
func (c Config) StartsBadly() bool { return c.Start != "" && first(c.Once) }

// first says whether a file was missing, and makes it. No name is always first.
func first(path string) bool {
	if path == "" {
		return true
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return false
	}
	return f.Close() == nil
}
