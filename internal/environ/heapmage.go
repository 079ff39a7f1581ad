package environ

import "slices"

// Prefix begins the name of every variable of heapmage's own. A variable with
// this prefix that is neither in [Settings] nor in [Marks] is a mistake of the
// user.
const Prefix = "HEAPMAGE_"

// Settings of the user. internal/config reads them; each goes before its key in
// heapmage.yaml and is written as there. An empty value means not set.
const (
	// Budget is the memory that all processes of a run may use together: "6GB" or
	// "80%". The engine also sets it, in bytes, for the scripts it starts, so that
	// a heapmage inside of a script keeps to the outer run's budget.
	Budget = Prefix + "BUDGET"
	// HeapLimit is the ceiling of V8's heap limit for each Node process: "8GB".
	HeapLimit = Prefix + "HEAP_LIMIT"
	// GCAuto switches automatic garbage collection in Node processes: "true" or "false".
	GCAuto = Prefix + "GC_AUTO"
	// GCCooldown is the least time between two collections in one process: "30s".
	GCCooldown = Prefix + "GC_COOLDOWN"
	// Concurrency is how many tasks may run at once: "auto", or 1 to 1000.
	Concurrency = Prefix + "CONCURRENCY"
	// OnPressure is what happens to a task that has to make room: "retry" or "suspend".
	OnPressure = Prefix + "ON_PRESSURE"
	// Retries is how often a task that ran out of memory runs again: 0 to 10.
	Retries = Prefix + "RETRIES"
	// Cache keeps results of tasks and puts them back: "on", "off" or "refresh".
	Cache = Prefix + "CACHE"
	// CacheRemote is the address of the cache that machines share.
	CacheRemote = Prefix + "CACHE_REMOTE"
	// CacheWrite is when results are stored there: "ci", "always" or "never".
	CacheWrite = Prefix + "CACHE_WRITE"
	// CacheToken is the credential for it, and CacheSigningKey what signs results. Neither is
	// passed on to scripts.
	CacheToken      = Prefix + "CACHE_TOKEN"
	CacheSigningKey = Prefix + "CACHE_SIGNING_KEY"
	// Observe is whether tasks are observed to learn what their results depend on: "on" or "off".
	Observe = Prefix + "OBSERVE"
	// CI is whether a run speaks to the CI system that it runs on: "auto" or "off".
	CI = Prefix + "CI"
	// Output is what of scripts' output is printed: "auto", "full", "grouped", "errors" or "none".
	Output = Prefix + "OUTPUT"
	// View is "plain" to print nothing but the log, on a terminal as well, or "auto".
	View = Prefix + "VIEW"
	// KeepGoing keeps a run going after a failure: "true" or "false".
	KeepGoing = Prefix + "KEEP_GOING"
	// Cgroups gives each task a cgroup of its own: "true" or "false".
	Cgroups = Prefix + "CGROUPS"
	// Runner is "package-manager" to run scripts through npm, pnpm or yarn.
	Runner = Prefix + "RUNNER"
	// MonitorInterval is the time between two memory lines of the log: "30s".
	MonitorInterval = Prefix + "MONITOR_INTERVAL"
	// MonitorWarning is the share of the budget from which usage is a warning: "75%".
	MonitorWarning = Prefix + "MONITOR_WARNING"
	// MonitorCritical is the share of the budget from which usage is critical: "90%".
	MonitorCritical = Prefix + "MONITOR_CRITICAL"
)

// MageVerbose is a variable that Mage sets for its targets, whether the user has or not.
const MageVerbose = "MAGEFILE_VERBOSE"

// Marks that heapmage sets for processes it starts. They are no settings, and a
// heapmage that inherits one runs as if it were not there, unless the comment
// says otherwise.
const (
	// Task marks every process of a task. It holds "RUN/TASK"; with nested runs,
	// one of these for each run with ";" between, the outermost first. Set by
	// internal/proc (memtools.Marker); read by memtools and internal/proc from
	// other processes' environments to find what left its process group, and by
	// the agent of memtools/v8heap, which reports it.
	Task = Prefix + "TASK"
	// Running lists the tasks that a process runs inside of, in the form of
	// plan.Inside. Set by the engine for scripts; read by the engine of a nested
	// run, also from the programs around it, which refuses to start a task that
	// already runs around it.
	Running = Prefix + "RUNNING"
	// Grant is the memory, in bytes, that a task may use without taking what is reserved
	// for others. Set by the engine for scripts; read by the engine of a nested run, which
	// keeps inside of it.
	Grant = Prefix + "GRANT"
	// Reaper is "1" in the helper process that cleans up after a killed run. Set
	// and read by internal/proc.
	Reaper = Prefix + "REAPER"
	// HeapSocket is the path of the socket (the pipe on Windows) on which the run
	// listens for Node processes. Set by memtools/v8heap; read by its agent
	// (agent.cjs). See docs/heap-agent-protocol.md.
	HeapSocket = Prefix + "HEAP_SOCKET"
	// WorkerHeap is V8's old-space limit in MB, as in NODE_OPTIONS, if heapmage set it and
	// not the user: worker threads then keep limits of their own. Set by internal/script;
	// read by what memtools/v8heap preloads (agent.cjs).
	WorkerHeap = Prefix + "WORKER_HEAP"
	// PoolFD is the decimal descriptor of a worker's channel to its pool; it makes
	// a program a worker. Set by package pool; read, then removed, by pool/worker,
	// by the preload of pool/internal/process and by workers in other languages. See
	// docs/worker-protocol.md.
	PoolFD = Prefix + "POOL_FD"
	// PoolVersion is the newest version of the worker protocol that the pool
	// speaks. Set by package pool, for workers in other languages; a worker's
	// children inherit it.
	PoolVersion = Prefix + "POOL_VERSION"
)

var (
	settings = []string{
		Budget, HeapLimit, GCAuto, GCCooldown, Concurrency, OnPressure, Retries, KeepGoing, Cgroups, Cache, CacheRemote, CacheWrite, CacheToken, CacheSigningKey, Observe, CI, Output, View, Runner,
		MonitorInterval, MonitorWarning, MonitorCritical,
	}
	marks = []string{Task, Running, Grant, Reaper, HeapSocket, WorkerHeap, PoolFD, PoolVersion}
)

// Settings returns the names that a user may set.
func Settings() []string { return slices.Clone(settings) }

// WithoutSecrets returns a copy of an environment without what no script may see.
func WithoutSecrets(environ []string) []string {
	return Without(Without(environ, CacheToken), CacheSigningKey)
}

// IsMark reports whether heapmage sets the variable itself, for its children.
func IsMark(name string) bool { return slices.Contains(marks, name) }
