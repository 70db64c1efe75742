// Package calibrated packs K and V with what was learned of one model: means, predictors of a layer from
// those before it, transforms in the metric of the model's own sensitivity, classes of tokens and
// distributions of the coordinates. docs/calibrated.md has the mathematics and the bytes.
//
// A [Calibration] is what a file holds. A [Coder] packs with one, at one rate.
package calibrated
