package codec

import "github.com/kakeyad/kakeyad/core/plugin/base"

// CapCalibrate is the capability of a codec that can learn a model, see [CalibrateCommand].
const CapCalibrate base.Capability = "calibrate"

// CalibrateCommand is the argument with which the binary of a codec that has CapCalibrate learns a model rather than
// serves. It reads a [CalibrateRequest] from its standard input, a line of JSON, and writes [CalibrateEvent]s to its
// standard output, a line each; the last one has Error or Result. It ends when its standard input does, whatever it is
// at, and the same request given again goes on from there. It ignores an interrupt, which a terminal sends to all.
const CalibrateCommand = "calibrate"

// CalibrateRequest says what to learn from, and where to.
type CalibrateRequest struct {
	Model string `json:"model"` // absolute path of the model file
	Out   string `json:"out"`   // absolute path of what is to be written, whole or not at all
	Work  string `json:"work"`  // a folder for what is known so far, which may not exist

	Windows [][]int32 `json:"windows"` // tokens to learn from, all windows of one length
	Measure [][]int32 `json:"measure"` // tokens to measure with, of one length too

	Check   *CalibrateCheck `json:"check,omitempty"`
	Python  string          `json:"python,omitempty"`  // path of an interpreter, for codecs that learn in Python
	Threads int             `json:"threads,omitempty"` // 0: as many as the process may use
}

// CalibrateCheck is what a backend says of tokens. A codec that computes the model in its own way compares.
type CalibrateCheck struct {
	Tokens   []int32   `json:"tokens"`
	LogProbs []float32 `json:"log_probs"` // of each token but the first
}

// CalibrateEvent is how far it is, or how it ended.
type CalibrateEvent struct {
	Stage string `json:"stage,omitempty"` // read, gather, learn or measure
	Done  int    `json:"done,omitempty"`
	All   int    `json:"all,omitempty"`

	Error  string           `json:"error,omitempty"` // what went wrong and what to do, for the user
	Result *CalibrateResult `json:"result,omitempty"`
}

// CalibrateResult is what there is now.
type CalibrateResult struct {
	Bytes    int64               `json:"bytes"`         // of the file
	Off      *float64            `json:"off,omitempty"` // mean distance of log-probabilities from the check's, in nats
	Rates    []CalibrateRate     `json:"rates"`
	Measured []CalibrateMeasured `json:"measured"`
}

// CalibrateRate is a rate that channels can name. Bits are those of an element of the tokens learned from.
type CalibrateRate struct {
	Q      int     `json:"q"`
	Step   float64 `json:"step"`
	Page   float64 `json:"page"`
	Random float64 `json:"random"`
}

// CalibrateMeasured is what a rate came to on the tokens to measure with, live.
type CalibrateMeasured struct {
	Form string  `json:"form"` // page or random
	Step float64 `json:"step"`
	Bits float64 `json:"bits"` // of an element
	KL   float64 `json:"kl"`   // nats
	DPPL float64 `json:"dppl"` // change of perplexity in percent
	Top1 float64 `json:"top1"` // likeliest tokens that stay the same, in percent
}
