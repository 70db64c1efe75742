// Package calibrate has a codec learn a model: it chooses windows of tokens out of texts, has the backend tokenize
// them and score one, and runs the codec's binary, which does the rest in a process of its own (see
// [codec.CalibrateCommand]). docs/calibrated.md says what is learned.
package calibrate
