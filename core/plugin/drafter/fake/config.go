package fake

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/kakeyad/kakeyad/core/plugin/base/misfortune"
)

// EnvConfig names the environment variable that holds a [Config] as JSON for the plugin binary.
const EnvConfig = "KAKEYA_FAKE"

// Config is what the drafter does. The zero value keeps the contract.
type Config struct {
	misfortune.Plan // of calls of sessions

	MaxDraft int   `json:"max_draft,omitempty"` // 0: 8
	Taps     []int `json:"taps,omitempty"`
	Step     int   `json:"step,omitempty"` // proposals count on from the last token by it; 0: they are drawn from the text
	Lie      Lie   `json:"lie,omitempty"`  // breaks a promise
}

// Lie is a promise that is broken.
type Lie string

// The lies.
const (
	LieLong       Lie = "long"       // proposals are longer than asked for
	LieVocabulary Lie = "vocabulary" // proposals have tokens that the target does not have
	LieParams     Lie = "params"     // unknown parameters pass
	LieTarget     Lie = "target"     // impossible targets pass
	LieLeak       Lie = "leak"       // what other sessions were told matters
	LiePieces     Lie = "pieces"     // it matters in how many calls the text was told
	LieForget     Lie = "forget"     // what was proposed stays in the text
	LieSettle     Lie = "settle"     // more is accepted than was proposed
	LieTokens     Lie = "tokens"     // tokens are not checked
	LieFeatures   Lie = "features"   // features are not checked
	LieEmpty      Lie = "empty"      // an empty text has a proposal
	LieAsk        Lie = "ask"        // asks are not checked
	LieClosed     Lie = "closed"     // closed sessions work on
	LieCancel     Lie = "cancel"     // contexts are not looked at
	LieSum        Lie = "sum"        // probabilities sum to more than 1
	LieSeed       Lie = "seed"       // draws do not come from the seed
	LieDescribe   Lie = "describe"   // the description changes
	LieRound      Lie = "round"      // a round is not what its turns are alone
)

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
