package oom

import (
	"fmt"

	"github.com/heapmage/heapmage/memtools"
)

// Verdict is why a process ended. The zero Verdict has no cause; Diagnose never
// returns it.
type Verdict struct {
	Cause Cause
	// Detail makes the cause more exact: the message of a Java error, the name of
	// a signal, the command that was not found. Empty where there is nothing to add.
	Detail string
	// Evidence is what proved the cause: the line of output, quoted without the
	// prefix of a runner, or the fact that was counted. Empty for Success, and where
	// nothing but the exit code speaks.
	Evidence string
	// Limit is the limit that was met: V8's heap limit for V8Heap, the budget for
	// KernelOOM and its like. Zero where unknown: a script that sets a heap limit of
	// its own, a worker thread, what the system refuses.
	Limit memtools.Bytes
	// Used is what was in use at the end, measured or as the runtime itself wrote:
	// V8's heap for V8Heap, the program's memory for GoMemory and Esbuild, else the
	// peak of the tree. Zero where unknown.
	Used memtools.Bytes
	// HeapLimit is a heap limit worth trying next. Zero where a larger one does not
	// help, does not fit the budget, or nothing is known to start from.
	HeapLimit memtools.Bytes
	// Advice is one sentence that says what to do, with figures where they are
	// known. Empty for Success and where the output itself says it.
	Advice string
}

// Success reports whether the process succeeded.
func (v Verdict) Success() bool { return v.Cause == Success }

// Memory reports whether memory was the reason (exit code 4 of a run).
func (v Verdict) Memory() bool { return v.Cause.Memory() }

// Reason returns the verdict in words for one line of a log, such as
// "JavaScript heap out of memory (V8 heap limit 512.00MB)".
func (v Verdict) Reason() string {
	text := v.Cause.Sentence()
	switch v.Cause {
	case V8Heap:
		if v.Limit > 0 {
			return text + " (V8 heap limit " + v.Limit.String() + ")"
		}
		if v.Used > 0 {
			return text + " (at " + v.Used.String() + ")"
		}
	case GoMemory, Esbuild:
		if v.Detail != "" {
			text = v.Detail + " out of memory"
		}
		if v.Used > 0 {
			return text + " (" + v.Used.String() + " in use)"
		}
	case KernelOOM, KernelOOMSuspected, PressureStop:
		return text + v.usage()
	case Failure, Signal:
		if v.Detail != "" {
			return v.Detail
		}
	case Killed:
		if v.Detail != "" {
			return text + " (" + v.Detail + ")"
		}
	default:
		if v.Detail != "" {
			return text + ": " + v.Detail
		}
	}
	return text
}

func (v Verdict) usage() string {
	switch {
	case v.Used > 0 && v.Limit > 0:
		return fmt.Sprintf(" (used %s of %s)", v.Used, v.Limit)
	case v.Limit > 0:
		return fmt.Sprintf(" (limit %s)", v.Limit)
	case v.Used > 0:
		return fmt.Sprintf(" (used %s)", v.Used)
	}
	return ""
}
