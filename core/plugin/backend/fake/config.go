package fake

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// EnvConfig names the environment variable that holds a [Config] as JSON for the plugin binary.
const EnvConfig = "KAKEYA_FAKE"

// Config is what the process does, whatever model is loaded.
type Config struct {
	Start  string      `json:"start,omitempty"`  // "exit", "hang", "version", "kind": how the start fails, see the main
	Health string      `json:"health,omitempty"` // "bad": not OK; "hang": no answer
	Once   string      `json:"once,omitempty"`   // Start fails only if this file does not exist, and makes it
	Model  ModelConfig `json:"model"`            // of all models; the model's file and Extra override it

	Exit func() `json:"-"` // how to die; nil: the process exits or kills itself, see ModelConfig.Die
}

// ModelConfig is what one model does. A key of LoadOptions.Extra is a field's JSON name, and its
// value the field as text.
type ModelConfig struct {
	Bytes           int64    `json:"bytes,omitempty"`              // of weights; 0: the size of the file
	KVBytesPerToken int64    `json:"kv_bytes_per_token,omitempty"` // 0: 1,024
	TrainContext    int      `json:"train_context,omitempty"`      // 0: 8,192
	ChatTemplate    string   `json:"chat_template,omitempty"`      // "": ChatML; "none": the model has none
	Load            Duration `json:"load,omitempty"`               // how long loading takes
	LoadError       string   `json:"load_error,omitempty"`         // "file", "memory", "unsupported", "panic"

	TokensPerSecond  float64 `json:"tokens_per_second,omitempty"`  // 0: as fast as it goes
	PrefillPerSecond float64 `json:"prefill_per_second,omitempty"` // prompt tokens; 0: as fast as it goes
	Answer           string  `json:"answer,omitempty"`             // says this, then ends; "": what the model makes of the prompt
	Echo             bool    `json:"echo,omitempty"`               // says the prompt
	AnswerTokens     int     `json:"answer_tokens,omitempty"`      // ends after so many tokens, not before

	Hang        string `json:"hang,omitempty"`         // "load", "generate", "tokenize", "score": does nothing until cancelled; "stats": as "generate", and Stats do not answer either
	AfterTokens int    `json:"after_tokens,omitempty"` // tokens of an answer before Hang "generate", Die and Fail act
	Die         string `json:"die,omitempty"`          // "exit", "kill": the process ends, by os.Exit(1) or SIGKILL
	Fail        string `json:"fail,omitempty"`         // Generate ends in an error of this text; "panic": it panics
	Lie         Lie    `json:"lie,omitempty"`          // breaks a promise
	Once        string `json:"once,omitempty"`         // Hang, Die, Fail and Lie act only if this file does not exist, and make it
}

// Lie is a promise that is broken.
type Lie string

// The lies.
const (
	LieModel     Lie = "model"     // the description of a loaded model cannot be
	LieToken     Lie = "token"     // an answer has a token that the model does not have
	LieLong      Lie = "long"      // an answer has more tokens than were asked for
	LieText      Lie = "text"      // an answer has more text than its tokens can be
	LieMessage   Lie = "message"   // an event of an answer is larger than a message may be
	LieTokenize  Lie = "tokenize"  // a text has tokens that the model does not have
	LieEmbed     Lie = "embed"     // an input has no vector
	LieDimension Lie = "dimension" // vectors are of different lengths
	LieScore     Lie = "score"     // a token has no score
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

// readModelFile reads what a model file overrides. A file that begins with "{" holds a
// ModelConfig as JSON; any other file is a model too, and says nothing.
func (c *ModelConfig) readModelFile(path string) (size int64, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", backend.ErrModelFile, err)
	}
	if len(data) > 0 && data[0] == '{' {
		if err := json.Unmarshal(data, c); err != nil {
			return 0, fmt.Errorf("%w: %s: %w", backend.ErrModelFile, path, err)
		}
	}
	return int64(len(data)), nil
}

// readExtra reads what the load options override. An unknown key is ErrInvalid.
func (c *ModelConfig) readExtra(extra map[string]string) error {
	for key, value := range extra {
		if err := c.set(key, value); err != nil {
			return fmt.Errorf("extra %q: %w: %w", key, base.ErrInvalid, err)
		}
	}
	return nil
}

func (c *ModelConfig) set(key, value string) (err error) {
	switch key {
	case "bytes":
		c.Bytes, err = strconv.ParseInt(value, 10, 64)
	case "kv_bytes_per_token":
		c.KVBytesPerToken, err = strconv.ParseInt(value, 10, 64)
	case "train_context":
		c.TrainContext, err = strconv.Atoi(value)
	case "chat_template":
		c.ChatTemplate = value
	case "load":
		err = c.Load.UnmarshalText([]byte(value))
	case "load_error":
		c.LoadError = value
	case "tokens_per_second":
		c.TokensPerSecond, err = strconv.ParseFloat(value, 64)
	case "prefill_per_second":
		c.PrefillPerSecond, err = strconv.ParseFloat(value, 64)
	case "answer":
		c.Answer = value
	case "echo":
		c.Echo, err = strconv.ParseBool(value)
	case "answer_tokens":
		c.AnswerTokens, err = strconv.Atoi(value)
	case "hang":
		c.Hang = value
	case "after_tokens":
		c.AfterTokens, err = strconv.Atoi(value)
	case "die":
		c.Die = value
	case "fail":
		c.Fail = value
	case "lie":
		c.Lie = Lie(value)
	case "once":
		c.Once = value
	default:
		return fmt.Errorf("unknown key")
	}
	return err
}
