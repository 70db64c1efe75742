//go:build !amd64 || purego

package calibrated

func predict(acc []int32, a, weights []int16) { predictGeneric(acc, a, weights) }
func combine(y, x, m []float32)               { combineGeneric(y, x, m) }
