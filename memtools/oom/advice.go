package oom

import (
	"fmt"
	"strings"

	"github.com/heapmage/heapmage/memtools"
)

// advise returns one sentence about what to do, or "".
func advise(e Evidence, v Verdict) string {
	switch v.Cause {
	case V8Heap:
		return adviseV8(e, v)
	case NodeWorker:
		if e.HeapLimit > 0 {
			return fmt.Sprintf("Raise resourceLimits of the workers in the script; without them heapLimit (%s) is their limit too.", e.HeapLimit.Short())
		}
		return "Raise resourceLimits of the workers in the script, or set a larger heapLimit."
	case BufferAllocation:
		return "Buffers are outside the JavaScript heap, so a larger heapLimit does not help: " + moreRoom(e) + "."
	case GoMemory:
		if v.Detail == "TypeScript 7" {
			return "V8's heap limit has no effect on TypeScript 7: lower --checkers or " + moreRoom(e) + "."
		}
		return "V8's heap limit has no effect on a Go program, and GOMEMLIMIT only delays this: " + moreRoom(e) + "."
	case Esbuild:
		return "V8's heap limit has no effect on esbuild, a Go program: build fewer entry points at once or " + moreRoom(e) + "."
	case JVMHeap:
		return adviseJVM(v)
	case SystemAllocation:
		return "The limit is outside the program (ulimit -v, a cgroup or the machine): " + moreRoom(e) + "."
	case KernelOOM, KernelOOMSuspected, PressureStop:
		if v.OwnCgroup != "" {
			return fmt.Sprintf("Its own limit is %s (%s), which no setting of heapmage changes: raise it in what sets it, such as the script.", v.Limit.Short(), v.OwnCgroup)
		}
		return adviseKilled(e)
	case GuardSuspected:
		return "If the sender was earlyoom or another guard, its log tells; " + lowerFirst(adviseKilled(e))
	case Killed:
		return "The sender of SIGKILL is unknown: check the CI runner for a cancel or a time limit, and dmesg for the kernel's record."
	case EngineLimit:
		return "No amount of memory helps: build the value in parts."
	case StackOverflow:
		return "No amount of memory helps: look for endless recursion."
	case CommandNotFound:
		switch v.Detail {
		case "npm", "pnpm", "yarn", "bun":
			return fmt.Sprintf("The script calls %s itself: put it on PATH (npm install -g %[1]s, or corepack enable).", v.Detail)
		}
		return "Install the dependencies, or correct the command in the script."
	case NotExecutable:
		return "Make the file that the script names executable, or run it through its interpreter."
	case Signal:
		return adviseSignal(e, v)
	case Failure:
		if v.Evidence != "" {
			return "Before, a process that it had started ran out of JavaScript heap, and it went on; if that was not meant to happen, raise the heap limit of that process."
		}
	case Success, Interrupted, Timeout: // memory was not the reason
	}
	return ""
}

// lowerFirst continues a sentence with another.
func lowerFirst(text string) string { return strings.ToLower(text[:1]) + text[1:] }

func adviseV8(e Evidence, v Verdict) string {
	if ownHeapLimits := e.HeapLimitUnsure || len(e.ScriptHeapLimits) > 0; ownHeapLimits && v.Limit == 0 {
		return "It may have been at a limit that goes before heapLimit: look for NODE_OPTIONS and --max-old-space-size in the script and in what it runs, and set a larger limit there."
	}
	if e.HeapLimit > 0 && v.Limit == 0 {
		return fmt.Sprintf("V8 ran out at %s although heapLimit is %s: look for --max-old-space-size in the script itself, or for one very large array or string.",
			v.Used, e.HeapLimit.Short())
	}
	switch {
	case v.NextHeapLimit > 0 && e.Budget > 0:
		return fmt.Sprintf("Set heapLimit: %s for this package; the budget of %s allows it.", v.NextHeapLimit.Short(), e.Budget.Short())
	case v.NextHeapLimit > 0:
		return fmt.Sprintf("Set heapLimit: %s for this package.", v.NextHeapLimit.Short())
	case e.Budget > 0:
		had := max(v.Limit, v.Used)
		return fmt.Sprintf("It needs a heap above %s, which the budget of %s does not allow: %s, or split the package.",
			had.Short(), e.Budget.Short(), e.beyond(roundUp(had+had/2), "give the run more memory"))
	}
	return "Set a larger heapLimit for this package."
}

func adviseJVM(v Verdict) string {
	switch {
	case strings.HasPrefix(v.Detail, "Metaspace"), strings.HasPrefix(v.Detail, "Compressed class space"):
		return "Raise -XX:MaxMetaspaceSize, for instance in JAVA_TOOL_OPTIONS."
	case strings.Contains(v.Detail, "direct buffer memory"), strings.Contains(v.Detail, "Direct buffer memory"):
		return "Raise -XX:MaxDirectMemorySize, for instance in JAVA_TOOL_OPTIONS."
	}
	return "Raise -Xmx in the command that starts the JVM, or in JAVA_TOOL_OPTIONS (Gradle: org.gradle.jvmargs)."
}

// crowd is how many processes of similar size are taken for a pool of workers.
const crowd = 3

func adviseKilled(e Evidence) string {
	for _, l := range e.ScriptHeapLimits {
		if e.Budget > 0 && l-l/4 > e.Budget {
			return fmt.Sprintf("Its script runs Node with a heap limit of %s, more than the budget of %s allows: set a lower --max-old-space-size there, or %s.",
				l.Short(), e.Budget.Short(), moreRoom(e))
		}
	}
	// A heap limit far above the budget lets the kernel act before V8. One that is
	// close to the budget, which may have shrunk since the start, is not the cause.
	if e.Budget > 0 && !e.HeapLimitUnsure && e.HeapLimit-e.HeapLimit/4 > e.Budget {
		return fmt.Sprintf("Its heapLimit of %s is more than the budget of %s allows: lower heapLimit, or %s.",
			e.HeapLimit.Short(), e.Budget.Short(), moreRoom(e))
	}
	if e.Processes >= crowd {
		return fmt.Sprintf("It ran %d processes of similar size, %s together: let it start fewer workers (such as --maxWorkers, --jobs or --concurrency).", e.Processes, e.used())
	}
	if e.used() > 0 {
		return fmt.Sprintf("It needs more than %s: %s.", e.used(), moreRoom(e))
	}
	return "It needs more memory than it had: " + moreRoom(e) + "."
}

func adviseSignal(e Evidence, v Verdict) string {
	if strings.Contains(v.Detail, "SIGABRT") && e.HeapLimit > 0 && !e.HeapLimitUnsure && len(e.ScriptHeapLimits) == 0 && e.Peak >= e.HeapLimit-e.HeapLimit/8 {
		return fmt.Sprintf("Its peak of %s was near its heapLimit of %s: V8 may have ended it with a message that was swallowed; try heapLimit: %s.",
			e.Peak, e.HeapLimit.Short(), roundUp(e.HeapLimit+e.HeapLimit/2).Short())
	}
	return ""
}

// beyond tells how to raise the budget to want, in general words if more is not known.
func (e Evidence) beyond(want memtools.Bytes, general string) string {
	if e.MoreRoom != nil {
		if text := e.MoreRoom(want); text != "" {
			return text
		}
	}
	return general
}

// moreRoom tells how to give a task more memory, with the figures that are known.
func moreRoom(e Evidence) string {
	want := roundUp(e.used() + e.used()/2)
	switch {
	case want == 0:
		return "give the run more memory or fewer tasks at once"
	case e.Budget > 0 && want > e.Budget:
		return e.beyond(want, "give the run more memory than "+e.Budget.Short())
	}
	return "reserve more for it (need: " + want.Short() + ")"
}
