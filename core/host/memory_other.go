//go:build !linux

package host

func residentMemory(int) int64 { return 0 }
