package oom

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/heapmage/heapmage/memtools"
)

// Diagnose tells why a process ended. The same evidence always gives the same
// verdict. The first of these decides:
//
//  1. Exit code 0 without a signal or a stop by the caller: success, whatever the
//     output contains.
//  2. A stop by the caller, unless the process ran out of memory by itself at the
//     moment of a pressure stop.
//  3. SIGKILL together with a cgroup counter that grew, or a kill further down, which
//     a shell or runner reported after the last fatal text, with such a counter.
//  4. The last fatal text. The process survived earlier ones, and the last one as well if
//     V8 aborted a process below it and it wrote its own lines before it failed.
//  5. SIGKILL and the other signals; SIGTERM while memory was short; SIGABRT of a process
//     whose output was not seen and whose V8 heap was seen at its limit.
//  6. The exit code and what the end of the output tells about it.
func Diagnose(e Evidence) Verdict {
	v := diagnose(e)
	v.Advice = advise(e, v)
	return v
}

func diagnose(e Evidence) Verdict {
	end, seen := e.end(), e.findings()
	if e.Stopped == NotStopped && end.success() {
		return Verdict{Cause: Success}
	}
	if e.Stopped != NotStopped {
		if e.Stopped == StopPressure && end.signal != sigkill {
			if death, ok := seen.deathAt(end); ok && death.cause.Memory() {
				return e.fatal(death)
			}
		}
		return e.stopped()
	}
	counted := e.CgroupOOMKill || e.OwnOOMKill
	if end.signal == sigkill && counted {
		return e.kernel(end, seen)
	}
	// A counter that grew explains a kill that was reported after the last fatal text.
	if counted && seen.killed.at > seen.death.at {
		return e.kernel(end, seen)
	}
	if death, ok := seen.deathAt(end); ok {
		return e.fatal(death)
	}
	if end.signal == sigkill {
		return e.killed(end, seen)
	}
	if end.signal == sigint {
		return Verdict{Cause: Interrupted, Used: e.used()}
	}
	if end.signal == sigterm && e.nearlyFull() {
		return e.limited(Verdict{Cause: GuardSuspected, Evidence: e.shortage()})
	}
	if end.signal == sigabrt && !seen.seen && e.heapFull() {
		return e.fatal(finding{cause: V8Heap, used: e.Heap})
	}
	if end.signal != 0 {
		return Verdict{Cause: Signal, Detail: "ended by " + signalText(end), Used: e.used()}
	}
	switch {
	case end.code == 127:
		return Verdict{Cause: CommandNotFound, Detail: seen.missing.detail, Evidence: seen.missing.line}
	case end.code == 126:
		return Verdict{Cause: NotExecutable}
	case seen.near(seen.killed) && !seen.killed.soft:
		return e.killed(end, seen)
	case seen.near(seen.weak):
		return e.fatal(seen.weak)
	}
	v := Verdict{Cause: Failure, Detail: "exit code " + strconv.Itoa(end.code), Used: e.used()}
	if seen.survivedBy(end) {
		v.Evidence = seen.death.line
	}
	return v
}

// heapFull reports whether the largest heap that was seen had all but reached its limit.
func (e Evidence) heapFull() bool {
	return e.HeapLimit > 0 && e.Heap >= e.HeapLimit-e.HeapLimit/5
}

// findings returns the findings of the whole output, or else of its tail.
func (e Evidence) findings() Findings {
	if e.Seen.seen || len(e.Tail) == 0 {
		return e.Seen
	}
	var s Scanner
	_, _ = s.Write(e.Tail) // never fails
	return s.Findings()
}

// deathAt returns the fatal text that explains the end: one that is certain, or V8's
// text without its trace if the process did abort.
func (f Findings) deathAt(end end) (finding, bool) {
	if f.abort.at > f.death.at && end.signal == sigabrt {
		return f.abort, true
	}
	return f.death, f.death.at > 0 && !f.survivedBy(end)
}

// survivedBy reports whether the process that failed went on after V8 had aborted one below
// it, as a test does that lets a child run out of memory: it wrote its own lines, none of
// which reports the abort as a failure, and did not abort itself.
func (f Findings) survivedBy(end end) bool {
	return f.death.aborts && f.wentOn && f.aborted.at < f.death.at && !end.aborted()
}

// near reports whether the finding is at the end of the output.
func (f Findings) near(x finding) bool { return x.at > 0 && f.lines-x.at <= nearEnd }

// stopped returns the verdict for a stop by the caller.
func (e Evidence) stopped() Verdict {
	v := Verdict{Used: e.used()}
	switch e.Stopped {
	case StopPressure:
		v.Cause, v.Limit = PressureStop, e.Budget
		v.Evidence = "stopped by heapmage"
	case StopTimeout:
		v.Cause = Timeout
	default:
		v.Cause = Interrupted
	}
	return v
}

// fatal returns the verdict for a text in the output.
func (e Evidence) fatal(f finding) Verdict {
	v := Verdict{Cause: f.cause, Detail: f.detail, Evidence: f.line, Used: e.used()}
	switch f.cause {
	case V8Heap:
		v.Used = f.used
		if !e.foreignLimit(f) {
			v.Limit = e.HeapLimit
			v.NextHeapLimit = e.nextHeapLimit(f.used)
		}
		if v.Used == 0 {
			v.Used = e.used()
		}
	case GoMemory, Esbuild:
		if f.used > 0 {
			v.Used = f.used
		}
	default: // the text holds no figure
	}
	return v
}

// foreignLimit reports whether V8 may have run out at another limit than the caller's: one
// that the script sets, or V8's own default in a process that did not get the caller's.
func (e Evidence) foreignLimit(f finding) bool {
	used, ours := f.used, e.HeapLimit
	switch {
	case e.HeapLimitUnsure:
		return true
	case used == 0:
		return len(e.ScriptHeapLimits) > 0 // either may have been in force
	case slices.ContainsFunc(e.ScriptHeapLimits, func(l memtools.Bytes) bool { return near(used, l) || distance(used, l) < distance(used, ours) }):
		return true
	case ours == 0:
		return false
	case strings.HasPrefix(f.line, ineffective) && used < ours-ours/4:
		return true // V8 writes this only near its limit (Heap::HasLowOldGenerationAllocationRate)
	}
	// An array that doubles may fail at four tenths of the limit; between that and a half
	// this blames the script. Above the limit there is only the young generation.
	return used < ours/2 || used > ours+ours/4+256*memtools.MB
}

const ineffective = "FATAL ERROR: Ineffective mark-compacts near heap limit"

// near reports whether a heap that V8 gave up is about as large as a limit allows, with the
// young generation.
func near(used, limit memtools.Bytes) bool {
	return used >= limit-limit/4 && used <= limit+limit/8+64*memtools.MB
}

func distance(a, b memtools.Bytes) memtools.Bytes { return max(a-b, b-a) }

// kernel returns the verdict for a kill that the cgroup's counter proves.
func (e Evidence) kernel(end end, seen Findings) Verdict {
	v := e.limited(Verdict{Cause: KernelOOM, Evidence: "the oom_kill counter of its cgroup rose"})
	if end.signal != sigkill && seen.killed.at > 0 {
		v.Evidence += "; " + strconv.Quote(seen.killed.line)
	}
	return v
}

// limited adds the limit that the kernel may have acted for, and the usage.
func (e Evidence) limited(v Verdict) Verdict {
	v.Limit, v.Used = e.Budget, e.used()
	if e.byOwnLimit() {
		v.Limit, v.OwnCgroup = e.OwnLimit, e.OwnCgroup
	}
	return v
}

// killed returns the verdict for SIGKILL without proof.
func (e Evidence) killed(end end, seen Findings) Verdict {
	v := e.limited(Verdict{Cause: Killed})
	if end.signal == sigkill {
		v.Detail = signalText(end)
	} else {
		v.Detail, v.Evidence = "exit code "+strconv.Itoa(end.code), seen.killed.line
	}
	switch {
	case e.short():
		v.Cause, v.Detail, v.Evidence = KernelOOMSuspected, "", e.shortage()
	case e.HostOOMKill && !e.ample():
		v.Cause, v.Detail, v.Evidence = KernelOOMSuspected, "", "the oom_kill counter of the whole host rose"
	}
	return v
}

// shortage returns in figures how short memory was.
func (e Evidence) shortage() string {
	if e.AvailableKnown && e.Available <= e.shortMargin() {
		return fmt.Sprintf("%s was left just before", max(e.Available, 0))
	}
	return fmt.Sprintf("usage was %s of %s", e.used(), e.Budget)
}

func signalText(end end) string {
	name := SignalName(end.signal)
	if name == "" {
		name = "signal " + strconv.Itoa(end.signal)
	}
	if end.translated {
		return name + ", exit code " + strconv.Itoa(end.code)
	}
	return name
}

// v8Extra is what a Node process holds beside V8's old space: three semi-spaces of
// 16 MB, and about a tenth of the heap for code, buffers and native memory.
func v8Extra(heap memtools.Bytes) memtools.Bytes { return 48*memtools.MB + heap/10 }

// nextHeapLimit returns the heap limit to try after one proved too small: 1.5 times
// as much, rounded up, or what the budget allows if that is less. It is zero if the
// budget allows less than a tenth more.
func (e Evidence) nextHeapLimit(died memtools.Bytes) memtools.Bytes {
	had := max(e.HeapLimit, died)
	if had <= 0 {
		return 0
	}
	next := roundUp(had + had/2)
	if e.Budget > 0 && next+v8Extra(next) > e.Budget {
		next = (e.Budget - 48*memtools.MB) * 10 / 11
		next -= next % (64 * memtools.MB)
		if next < had+had/10 {
			return 0
		}
	}
	return next
}

// roundUp rounds up to a figure that people would set: in steps of 64 MB below 1 GB,
// of 256 MB from there.
func roundUp(b memtools.Bytes) memtools.Bytes {
	step := 64 * memtools.MB
	if b >= memtools.GB {
		step = 256 * memtools.MB
	}
	return (b + step - 1) / step * step
}
