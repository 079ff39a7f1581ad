//go:build !linux && !darwin

package proctable

func measure(m *Measured) error { return measureRSS(m) }
