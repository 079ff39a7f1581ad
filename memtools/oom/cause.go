package oom

// Cause is the class of a process's end. Its text is stable, as recorded events
// contain it.
type Cause string

// The causes from V8Heap to PressureStop are memory failures: Cause.Memory is true.
const (
	// Success is exit code 0 without a signal and without a stop by the caller.
	Success Cause = "success"
	// Failure is a failure of the program itself, as far as can be told.
	Failure Cause = "failure"

	// V8Heap is a Node process that reached V8's heap limit.
	V8Heap Cause = "v8-heap"
	// NodeWorker is a worker thread of Node that reached its heap limit
	// (ERR_WORKER_OUT_OF_MEMORY).
	NodeWorker Cause = "node-worker"
	// BufferAllocation is an ArrayBuffer or Buffer, which are outside V8's heap, that
	// could not be allocated.
	BufferAllocation Cause = "buffer-allocation"
	// GoMemory is a Go program that the system refused more memory.
	GoMemory Cause = "go-memory"
	// Esbuild is esbuild, a Go program, that the system refused more memory.
	Esbuild Cause = "esbuild"
	// JVMHeap is a java.lang.OutOfMemoryError.
	JVMHeap Cause = "jvm-heap"
	// SystemAllocation is memory that the system refused: ENOMEM, std::bad_alloc and
	// the like.
	SystemAllocation Cause = "system-allocation"
	// KernelOOM is a kill by the kernel because memory ran out. The cgroup's counter
	// proves it.
	KernelOOM Cause = "kernel-oom"
	// KernelOOMSuspected is a kill while memory was short or while the counter of the
	// whole host grew: probably the kernel, but without proof.
	KernelOOMSuspected Cause = "kernel-oom-suspected"
	// GuardSuspected is SIGTERM while memory was short: probably a program that watches the
	// machine's memory, such as earlyoom.
	GuardSuspected Cause = "guard-suspected"
	// PressureStop is a stop by the caller to keep the run inside its budget.
	PressureStop Cause = "pressure-stop"

	// EngineLimit is a value beyond a fixed limit of V8 or the JVM, such as an array,
	// string or Map that is too long. More memory does not help.
	EngineLimit Cause = "engine-limit"
	// StackOverflow is a Go program whose stack passed the runtime's maximum.
	StackOverflow Cause = "stack-overflow"
	// Killed is SIGKILL from an unknown sender.
	Killed Cause = "killed"
	// Signal is an end by any other signal.
	Signal Cause = "signal"
	// Interrupted is an end by SIGINT, or a stop because the caller was interrupted.
	Interrupted Cause = "interrupted"
	// Timeout is a stop by the caller at a time limit.
	Timeout Cause = "timeout"
	// CommandNotFound is the shell's exit code 127.
	CommandNotFound Cause = "command-not-found"
	// NotExecutable is the shell's exit code 126.
	NotExecutable Cause = "not-executable"
)

// causeFacts is what is fixed about a cause.
type causeFacts struct {
	sentence string
	memory   bool // a memory failure
}

var causes = map[Cause]causeFacts{
	Success:            {"succeeded", false},
	Failure:            {"the command failed", false},
	V8Heap:             {"JavaScript heap out of memory", true},
	NodeWorker:         {"JavaScript heap of a worker thread out of memory", true},
	BufferAllocation:   {"no memory for a buffer outside the JavaScript heap", true},
	GoMemory:           {"Go program out of memory", true},
	Esbuild:            {"esbuild out of memory", true},
	JVMHeap:            {"Java out of memory", true},
	SystemAllocation:   {"the system refused more memory", true},
	KernelOOM:          {"killed by the kernel, out of memory", true},
	KernelOOMSuspected: {"killed, probably by the kernel, out of memory", true},
	GuardSuspected:     {"ended, probably by a program that watches memory, such as earlyoom", true},
	PressureStop:       {"stopped to keep the run inside its memory", true},
	EngineLimit:        {"a value passed a fixed limit of its runtime", false},
	StackOverflow:      {"stack overflow in a Go program", false},
	Killed:             {"killed, cause unknown", false},
	Signal:             {"ended by a signal", false},
	Interrupted:        {"interrupted", false},
	Timeout:            {"stopped at its time limit", false},
	CommandNotFound:    {"command not found", false},
	NotExecutable:      {"command cannot be executed", false},
}

// Memory reports whether the process ran out of memory. It is false for an unknown
// cause.
func (c Cause) Memory() bool { return causes[c].memory }

// Sentence returns the cause in words, without figures or a full stop. It is empty
// for an unknown cause.
func (c Cause) Sentence() string { return causes[c].sentence }
