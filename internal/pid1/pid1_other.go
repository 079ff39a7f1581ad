//go:build !linux

// Package pid1 lets a program be process 1 of a container.
package pid1

// Run returns: only Linux has containers in which this program can be process 1.
func Run() {}
