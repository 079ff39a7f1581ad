// Package cgrouptest makes memory cgroups for tests, of the version that the system has.
// It needs root on Linux: elsewhere the test skips with the reason, or fails under CI.
package cgrouptest
