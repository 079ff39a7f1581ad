package event

// NoticeKind is the subject of a Notice.
type NoticeKind string

// The kinds of notice.
const (
	ShortMemory    NoticeKind = "short-memory"    // less is free than the run may need
	HeapClamped    NoticeKind = "heap-clamped"    // a heap limit did not fit and was lowered
	OptionsMerged  NoticeKind = "options-merged"  // node-options of a settings file were merged
	OptionsDead    NoticeKind = "options-dead"    // a word of NODE_OPTIONS is no option
	WorkspaceOdd   NoticeKind = "workspace-odd"   // an oddity of the workspace was ignored
	CycleBroken    NoticeKind = "cycle-broken"    // a dependency was left out to break a cycle
	HeapRaised     NoticeKind = "heap-raised"     // a heap limit of the user is known to be too small
	HistoryLost    NoticeKind = "history-lost"    // the history cannot be read or written
	RootFallback   NoticeKind = "root-fallback"   // no member has the script; the root's runs
	RootLeftOut    NoticeKind = "root-left-out"   // the root's script does not run, and may matter
	DeclaredRead   NoticeKind = "declared-read"   // what was read of another runner's files, and what is not obeyed
	RunsRunner     NoticeKind = "runs-runner"     // scripts of packages start another task runner
	TaskLeftOut    NoticeKind = "task-left-out"   // declared tasks do not run
	OrderLeftOut   NoticeKind = "order-left-out"  // heapmage's own order would contradict a declared one
	Retrying       NoticeKind = "retrying"        // a task is tried again
	StateDamaged   NoticeKind = "state-damaged"   // a file of .heapmage was set aside
	StillRunning   NoticeKind = "still-running"   // a script looks as if it never ends
	GCUnavailable  NoticeKind = "gc-unavailable"  // garbage cannot be collected in Node processes
	OwnOptions     NoticeKind = "own-options"     // a script sets Node's options itself
	OthersMemory   NoticeKind = "others-memory"   // other programs hold the memory; the run waits
	StateUnwritten NoticeKind = "state-unwritten" // .heapmage cannot be written
	Selected       NoticeKind = "selected"        // the packages that have changed since a commit
	ResultNotKept  NoticeKind = "result-not-kept" // results of tasks, or one of them, cannot be kept
	SharedCache    NoticeKind = "shared-cache"    // what came of the cache that machines share
	SharedUnused   NoticeKind = "shared-unused"   // it is not used, or not for all
	Unobserved     NoticeKind = "unobserved"      // results go by Git and what is declared
	NothingToDo    NoticeKind = "nothing-to-do"   // nothing has changed for which anything would run
	Watching       NoticeKind = "watching"        // nothing runs until a file changes
	FilesChanged   NoticeKind = "files-changed"   // why it runs again
	WritesItself   NoticeKind = "writes-itself"   // files that change in every run are taken for outputs
	NotSent        NoticeKind = "not-sent"        // a collector of traces did not take the run
	GuardBlind     NoticeKind = "guard-blind"     // the guard cannot hold back what starts
	GraphLarge     NoticeKind = "graph-large"     // a graph is larger than what its reader draws
	Sharded        NoticeKind = "sharded"         // how tasks are divided among runners, or which part runs here
)

// Notice is one line that the user should know. It does not stop the run.
type Notice struct {
	Kind NoticeKind `json:"kind"`
	Task string     `json:"task,omitempty"`
	Text string     `json:"text"`
	// Hint is what to do; empty if nothing need be done.
	Hint string `json:"hint,omitempty"`
}
