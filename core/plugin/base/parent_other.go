//go:build !linux

package base

func signalWhenParentDies() {}
