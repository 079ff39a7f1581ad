// Package memtools measures memory and reclaims it: this process's own, that
// of process trees, and what machine and cgroups allow. It promises figures
// that can be added up, since pages of files such as a common binary count for
// no process (shared memory that is no file's counts in each that uses it), and
// that what a system cannot tell is an error or marked as unknown, never a
// silent zero.
//
// Three parts stand side by side:
//
//   - This process: [GetStats], [CheckUsage], [FormatUsage], [TriggerGC] and
//     [AutoGC] look at the Go heap against its limit; [StartMonitor] does so
//     periodically, and a [Monitor] watches any other usage and limit as well.
//   - Process trees: a [Tracker] samples any number of them from one look at
//     the process table; [Members] lists who belongs to one.
//   - Limits: [ReadLimits], [Available] and [OOMKills] read the machine and the
//     cgroups (v1 and v2) above this process.
//
// What it costs, on Linux: a sample of 50 processes about 0.6 ms of CPU, one
// kept descriptor a tracked process, and no allocation that grows with time.
// The package starts no goroutine but that of a running [Monitor].
//
// Linux is measured by its own reader of /proc. On other systems gopsutil gives
// the figures, and usage is the resident set, which counts shared pages once a
// process.
package memtools
