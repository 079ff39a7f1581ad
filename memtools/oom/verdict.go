package oom

import (
	"fmt"

	"github.com/heapmage/heapmage/memtools"
)

// Verdict is why a process ended. Diagnose never returns the zero value, which has no
// cause.
type Verdict struct {
	// Cause is the class of the end.
	Cause Cause
	// Detail makes the cause more precise: the message of a Java error, the name of a
	// signal, the command that was not found. It may be empty.
	Detail string
	// Evidence is the one fact that decided: a line of output without a runner's
	// prefix, or a sentence such as that a counter rose. It is empty for Success, and
	// if there is only an exit code.
	Evidence string
	// Limit is the limit that was reached: V8's heap limit for V8Heap, the budget for
	// a kill or a pressure stop. Zero means unknown, as for a heap limit that the script
	// sets, a worker thread, and memory that the system refused.
	Limit memtools.Bytes
	// OwnCgroup names the cgroup below the caller's whose limit this is; empty if it is
	// the caller's own or no cgroup's. Nothing the caller can do gives the process more.
	OwnCgroup string
	// Used is the memory in use at the end, as measured or as the runtime wrote it:
	// V8's heap for V8Heap, the program's memory for GoMemory and Esbuild, else the
	// peak of the tree. Zero means unknown.
	Used memtools.Bytes
	// NextHeapLimit is the V8 heap limit to try next, larger than Limit. It is zero if
	// a larger one does not help or does not fit the budget, or if there is no figure
	// to start from.
	NextHeapLimit memtools.Bytes
	// Advice is one sentence about what to do, with the figures that are known. It
	// calls limits by their keys in heapmage.yaml, such as heapLimit. It is empty for
	// Success, and if the output itself tells.
	Advice string
}

// Success reports whether the process succeeded.
func (v Verdict) Success() bool { return v.Cause == Success }

// Memory reports whether the process ran out of memory.
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
	case KernelOOM, KernelOOMSuspected, GuardSuspected, PressureStop:
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
