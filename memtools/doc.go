// Package memtools measures memory and frees it: the memory of this process, of
// process trees, and what the machine and its cgroups allow.
//
// The usage of several processes can be summed: pages of files, such as a binary that
// they share, are not counted, and pages that the processes of a tree share, as forks
// do, count once. What a system cannot tell is an error or marked as unknown, never a
// silent zero.
//
// # Sizes
//
// [Bytes] is an amount of memory, and a [Size] one that may be relative, such as
// "80%". [Thresholds] compare usage with its limit: the result is a [Usage], with
// figures and a message, or a [Pressure] alone.
//
// # This process
//
// [Stats] compares the memory of the Go runtime with its limit, [TriggerGC] and
// [AutoGC] free it, and [StartMonitor] does both periodically. A [Monitor] of
// [NewMonitor] can watch anything else that has a usage and a limit.
//
// # Process trees
//
// A [Tracker] measures any number of process trees with one look at the process
// table: call [Tracker.Track] for each tree, then [Tracker.Sample] as often as
// figures are wanted. It samples nothing by itself. A child that was started with
// [Marker] in its environment is found even if it leaves its tree. An [Identity]
// tells a process from a later one with its PID.
//
// # Limits
//
// [ReadLimits], [Available] and [OOMKills] read the machine and the cgroups
// (v1 and v2) above this process.
//
// # Cost
//
// On Linux a sample of 50 processes takes about 0.6 ms of CPU and one open
// descriptor for each tracked process. No allocation grows with time. The package
// starts no goroutine except that of a running Monitor.
//
// # Systems
//
// Linux is measured through /proc. On macOS and Windows gopsutil gives the
// figures; usage is the resident set there, which counts shared pages in each
// process. On other systems [NewTracker] and [Identify] return
// errors.ErrUnsupported.
package memtools
