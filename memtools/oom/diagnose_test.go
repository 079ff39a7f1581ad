package oom

import (
	"strings"
	"testing"

	"github.com/heapmage/heapmage/memtools"
	"pgregory.net/rapid"
)

const mb, gb = memtools.MB, memtools.GB

// expected says what each sample of testdata must come to. A name that ends in
// "*" stands for all samples that begin so. Detail and used are checked where set.
var expected = []struct {
	name     string
	cause    Cause
	evidence string // part of the quoted line
	detail   string
	used     memtools.Bytes
}{
	{name: "v8-leak-*", cause: V8Heap, evidence: "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"},
	{name: "v8-linked-node20", cause: V8Heap, evidence: "FATAL ERROR: Reached heap limit"},
	{name: "v8-linked-node22", cause: V8Heap, evidence: "FATAL ERROR: Reached heap limit"},
	{name: "v8-linked-node24", cause: V8Heap, evidence: "FATAL ERROR: Ineffective mark-compacts near heap limit"},
	{name: "v8-linked-node26", cause: V8Heap, evidence: "FATAL ERROR: CALL_AND_RETRY_LAST"},
	{name: "v8-strings-*", cause: V8Heap, evidence: "JavaScript heap out of memory"},
	{name: "v8-array-node20", cause: V8Heap, evidence: "FATAL ERROR: Reached heap limit", used: 2574 * mb / 10},
	{name: "v8-tsc", cause: V8Heap, evidence: "FATAL ERROR: Ineffective mark-compacts near heap limit", used: 2540 * mb / 10},
	{name: "v8-as-*", cause: V8Heap, evidence: "JavaScript heap out of memory"},
	{name: "v8-direct", cause: V8Heap, evidence: "FATAL ERROR: Reached heap limit"},
	{name: "v8-jest", cause: V8Heap, evidence: "FATAL ERROR: Reached heap limit", used: 969 * mb / 10},
	{name: "v8-vitest-forks", cause: V8Heap, evidence: "FATAL ERROR: Reached heap limit", used: 1202 * mb / 10},
	{name: "v8-external-node20", cause: SystemAllocation, evidence: "Committing semi space failed"},
	{name: "v8-start-*", cause: SystemAllocation, evidence: "# Fatal process ", detail: "V8: Failed to reserve virtual memory for CodeRange"},
	{name: "wrap-*", cause: V8Heap, evidence: "FATAL ERROR: "},
	{name: "worker-vitest", cause: NodeWorker, evidence: "Error: Worker terminated due to reaching memory limit"},
	{name: "worker-*", cause: NodeWorker, evidence: "ERR_WORKER_OUT_OF_MEMORY"},
	{name: "buffer-*", cause: BufferAllocation, evidence: "RangeError: Array buffer allocation failed"},
	{name: "array-length-node22", cause: EngineLimit, detail: "Invalid array length"},
	{name: "string-length-node24", cause: EngineLimit, detail: "Invalid string length"},
	{name: "map-size-node22", cause: EngineLimit, detail: "Map maximum size exceeded"},
	{name: "go-leak", cause: GoMemory, evidence: "fatal error: out of memory"},
	{name: "go-start", cause: GoMemory, evidence: "fatal error: failed to reserve page summary memory"},
	{name: "go-typescript7", cause: GoMemory, evidence: "fatal error: out of memory", detail: "TypeScript 7"},
	{name: "go-stack", cause: StackOverflow, evidence: "runtime: goroutine stack exceeds 1000000000-byte limit"},
	{name: "esbuild-*", cause: Esbuild, evidence: "fatal error: out of memory"},
	{name: "jvm-heap", cause: JVMHeap, evidence: `Exception in thread "main"`, detail: "Java heap space"},
	{name: "jvm-javac", cause: JVMHeap, detail: "Java heap space"},
	{name: "jvm-exit-on", cause: JVMHeap, evidence: "Terminating due to", detail: "Java heap space"},
	{name: "jvm-crash-on", cause: JVMHeap, evidence: "Aborting due to", detail: "Java heap space"},
	{name: "jvm-gc-overhead", cause: JVMHeap, detail: "GC overhead limit exceeded"},
	{name: "jvm-metaspace", cause: JVMHeap, detail: "Metaspace"},
	{name: "jvm-direct", cause: JVMHeap, evidence: "direct buffer memory"},
	{name: "jvm-array", cause: EngineLimit, detail: "Requested array size exceeds VM limit"},
	{name: "jvm-threads", cause: SystemAllocation, detail: "Java: unable to create native thread"},
	{name: "jvm-reserve", cause: SystemAllocation, evidence: "Could not reserve enough space"},
	{name: "jvm-class-space", cause: SystemAllocation, evidence: "Could not allocate compressed class space"},
	{name: "jvm-native", cause: SystemAllocation, evidence: "# There is insufficient memory for the Java Runtime Environment"},
	{name: "cpp-bad-alloc", cause: SystemAllocation, detail: "std::bad_alloc"},
	{name: "rust-alloc", cause: SystemAllocation, evidence: "memory allocation of 1048576 bytes failed"},
	{name: "python-memory", cause: SystemAllocation, evidence: "MemoryError"},
	{name: "gcc-memory", cause: SystemAllocation, evidence: "Cannot allocate memory"},
	{name: "git-mmap", cause: SystemAllocation, evidence: "Cannot allocate memory"},
	{name: "kernel-*", cause: KernelOOM, evidence: "oom_kill counter of its cgroup rose"},
	{name: "failure-*", cause: Failure},
	{name: "not-found-*", cause: CommandNotFound, evidence: "not found", detail: "tscc"},
}

func TestDiagnoseRealDeaths(t *testing.T) {
	used := make([]bool, len(expected))
	for _, s := range samples(t) {
		t.Run(s.name, func(t *testing.T) {
			for i, want := range expected {
				stem, open := strings.CutSuffix(want.name, "*")
				if s.name != stem && (!open || !strings.HasPrefix(s.name, stem)) {
					continue
				}
				used[i] = true
				e := s.evidence
				e.Seen = seen(s.output, 4096)
				got := Diagnose(e)
				if got.Cause != want.cause || !strings.Contains(got.Evidence, want.evidence) ||
					want.detail != "" && got.Detail != want.detail || want.used != 0 && got.Used != want.used {
					t.Fatalf("got %+v\nwant %+v", got, want)
				}
				if got.Success() || got.Reason() == "" {
					t.Fatalf("reason %q, success %v", got.Reason(), got.Success())
				}
				return
			}
			t.Fatal("no expectation stands for this sample")
		})
	}
	for i, u := range used {
		if !u && !t.Failed() {
			t.Errorf("no sample for %s", expected[i].name)
		}
	}
}

func TestDiagnoseReadsV8sHeapAtTheEnd(t *testing.T) {
	for _, s := range samples(t) {
		if strings.HasPrefix(s.name, "v8-") || strings.HasPrefix(s.name, "wrap-") {
			f := seen(s.output, 4096)
			if f.death.cause == V8Heap && (f.death.used < 40*mb || f.death.used > gb) {
				t.Errorf("%s: heap %s", s.name, f.death.used)
			}
		}
	}
}

// A death that is quoted, survived or only spoken of is no death.
func TestDiagnoseIsNotFooledByWords(t *testing.T) {
	v8 := sampleNamed(t, "v8-leak-node20")
	indented := "    " + strings.ReplaceAll(strings.TrimSuffix(string(v8.output), "\n"), "\n", "\n    ") + "\n"
	listed := "+ " + strings.ReplaceAll(strings.TrimSuffix(string(v8.output), "\n"), "\n", "\n+ ") + "\n"
	for name, tc := range map[string]struct {
		output string
		code   int
		want   Cause
	}{
		"a whole V8 death and exit 0 is success":           {string(v8.output), 0, Success},
		"the words in an assertion":                        {"AssertionError: expected 'out of memory' to equal 'JavaScript heap out of memory'\n", 1, Failure},
		"the words alone":                                  {"error: out of memory\nJavaScript heap out of memory\n", 1, Failure},
		"V8's line without what stands around it":          {"FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n", 1, Failure},
		"V8's line in quotes":                              {"  message: \"FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\"\n", 1, Failure},
		"V8's line in quotes, aborted":                     {"'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory'\n", 134, Signal},
		"a V8 death in an indented log of a test":          {indented, 1, Failure},
		"a V8 death in a diff":                             {listed, 1, Failure},
		"another error's FATAL ERROR with its trace":       {"FATAL ERROR: v8::ToLocalChecked Empty MaybeLocal\n----- Native stack trace -----\n\n 1: 0xb78db3 node::Abort() [node]\n", 134, Signal},
		"a compiler's fatal error":                         {"main.c:1:10: fatal error: memory.hh: No such file or directory\n", 1, Failure},
		"Go's words without a trace":                       {"fatal error: out of memory\n", 1, Failure},
		"a RangeError that a test reports":                 {"  ● parses\n\n    RangeError: Invalid array length\n\n      at Object.<anonymous> (a.test.js:1:1)\n", 1, Failure},
		"a RangeError that was caught":                     {"RangeError: Invalid array length\n    at build (a.js:1:1)\nbuild failed\n", 1, Failure},
		"a Java error that is logged in words":             {"WARN retrying after java.lang.OutOfMemoryError: Java heap space\n", 1, Failure},
		"ENOMEM long before the end":                       {"warn: mmap: Cannot allocate memory\n" + strings.Repeat("building\n", nearEnd+1), 1, Failure},
		"a kill long before the end":                       {"Killed\n" + strings.Repeat("ok 1\n", nearEnd+1) + "not ok 2\n", 1, Failure},
		"a number that holds 137":                          {"passed 137 tests\nexit code 1370\n", 1, Failure},
		"the word killed":                                  {"mutant 3: Killed by test 4\nskilled\n", 1, Failure},
		"esbuild's service stopped, for what is not known": {"Error: The service was stopped\n    at main.js:1:1\n", 1, Failure},
		"a Python test that expects MemoryError":           {"E   MemoryError\n", 1, Failure},
		"a module that is not found":                       {"Error: ./x: not found\n", 1, Failure},
	} {
		t.Run(name, func(t *testing.T) {
			got := Diagnose(Evidence{ExitCode: tc.code, Seen: seen([]byte(tc.output), 100)})
			if got.Cause != tc.want {
				t.Fatalf("got %s, %q by %q, want %s", got.Cause, got.Reason(), got.Evidence, tc.want)
			}
		})
	}
}

func sampleNamed(t testing.TB, name string) sample {
	t.Helper()
	for _, s := range samples(t) {
		if s.name == name {
			return s
		}
	}
	t.Fatalf("no sample %s", name)
	return sample{}
}

func TestDiagnoseWeighsEvidence(t *testing.T) {
	v8, npm := sampleNamed(t, "v8-leak-node20").output, sampleNamed(t, "kernel-concurrently").output
	v8Line := []byte("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n")
	for name, tc := range map[string]struct {
		e      Evidence
		want   Cause
		reason string // part of it
		advice string // part of it
	}{
		"nothing happened": {Evidence{}, Success, "succeeded", ""},
		"exit 137 alone is killed, cause unknown": {
			Evidence{ExitCode: 137}, Killed, "killed, cause unknown (SIGKILL, exit code 137)", "The sender of SIGKILL is unknown"},
		"SIGKILL alone is killed, cause unknown": {
			Evidence{ExitCode: -1, Signal: 9}, Killed, "killed, cause unknown (SIGKILL)", "The sender of SIGKILL is unknown"},
		"a counter of the cgroup proves the kernel": {
			Evidence{Signal: 9, CgroupOOMKill: true, Budget: 400 * mb, Peak: 390 * mb}, KernelOOM,
			"killed by the kernel, out of memory (used 390.00MB of 400.00MB)", "It needs more than 390.00MB: give the run more memory than 400MB."},
		"a kernel's kill of a heap whose limit lies above the budget": {
			Evidence{Signal: 9, CgroupOOMKill: true, Budget: gb, Peak: gb - mb, HeapLimit: 8 * gb}, KernelOOM,
			"used 1023.00MB of 1024.00MB", "Its heapLimit of 8GB is more than the budget of 1GB allows"},
		"a heap limit of about the budget is not to blame": {
			Evidence{Signal: 9, Stopped: StopPressure, Budget: 309 * mb, Peak: 369 * mb, HeapLimit: 319 * mb}, PressureStop,
			"used 369.00MB of 309.00MB", "It needs more than 369.00MB: give the run more memory than 309MB."},
		"a counter that rose for another task does not make a type error a kill": {
			Evidence{ExitCode: 2, CgroupOOMKill: true, Tail: []byte("a.ts(1,7): error TS2322\n")}, Failure, "exit code 2", ""},
		"a counter and a runner's note prove the kill of a child": {
			Evidence{ExitCode: 1, CgroupOOMKill: true, Tail: npm}, KernelOOM, "killed by the kernel", ""},
		"a runner's note without a counter leaves the cause open": {
			Evidence{ExitCode: 1, Tail: npm}, Killed, "killed, cause unknown (exit code 1)", ""},
		"the host's counter only suggests": {
			Evidence{ExitCode: 137, HostOOMKill: true}, KernelOOMSuspected, "probably by the kernel", ""},
		"the host's counter says nothing where memory was ample": {
			Evidence{ExitCode: 137, HostOOMKill: true, Budget: 4 * gb, Peak: gb, Available: 3 * gb, AvailableKnown: true}, Killed, "cause unknown", ""},
		"no memory left before a kill suggests": {
			Evidence{Signal: 9, AvailableKnown: true}, KernelOOMSuspected, "probably", ""},
		"a peak at the budget before a kill suggests": {
			Evidence{Signal: 9, Budget: gb, Peak: 1000 * mb}, KernelOOMSuspected, "probably by the kernel, out of memory (used 1000.00MB of 1024.00MB)", "needs more than 1000.00MB"},
		"a peak far under the budget does not": {
			Evidence{Signal: 9, Budget: gb, Peak: 500 * mb}, Killed, "cause unknown", ""},
		"V8's text through a shell": {
			Evidence{ExitCode: 134, Tail: v8, HeapLimit: 64 * mb, Budget: gb}, V8Heap,
			"JavaScript heap out of memory (V8 heap limit 64.00MB)", "Set heapLimit: 128MB for this package; the budget of 1GB allows it."},
		"V8's text that a runner made exit 1": {
			Evidence{ExitCode: 1, Tail: v8, HeapLimit: 64 * mb}, V8Heap, "V8 heap limit 64.00MB", "Set heapLimit: 128MB"},
		"V8's line alone with an abort": {
			Evidence{Signal: 6, Tail: v8Line, HeapLimit: 512 * mb}, V8Heap, "V8 heap limit 512.00MB", "Set heapLimit: 768MB"},
		"a heap limit of the script's own": {
			Evidence{ExitCode: 134, Tail: v8, HeapLimit: 8 * gb, Budget: 16 * gb}, V8Heap, "JavaScript heap out of memory (at 67.40MB)",
			"V8 ran out at 67.40MB although heapLimit is 8GB: look for --max-old-space-size in the script itself"},
		"a heap whose limit the script sets near ours": {
			Evidence{ExitCode: 134, Tail: v8, HeapLimit: 96 * mb, ScriptHeapLimits: []memtools.Bytes{64 * mb}}, V8Heap, "JavaScript heap out of memory (at 67.40MB)",
			"look for NODE_OPTIONS and --max-old-space-size in the script"},
		"one larger than ours that may have been in force as well": {
			Evidence{ExitCode: 134, Tail: v8, HeapLimit: 64 * mb, ScriptHeapLimits: []memtools.Bytes{80 * mb}}, V8Heap, "JavaScript heap out of memory (at 67.40MB)", "look for NODE_OPTIONS"},
		"one of several": {
			Evidence{ExitCode: 134, Tail: v8, HeapLimit: 96 * mb, ScriptHeapLimits: []memtools.Bytes{4 * gb, 64 * mb}}, V8Heap, "JavaScript heap out of memory (at 67.40MB)", "look for NODE_OPTIONS"},
		"a limit that is not known": {
			Evidence{ExitCode: 134, Tail: v8, HeapLimit: 64 * mb, HeapLimitUnsure: true}, V8Heap, "JavaScript heap out of memory (at 67.40MB)", "look for NODE_OPTIONS"},
		"a limit of the script alone": {
			Evidence{ExitCode: 134, Tail: v8, ScriptHeapLimits: []memtools.Bytes{64 * mb}, Budget: gb}, V8Heap, "JavaScript heap out of memory (at 67.40MB)", "look for NODE_OPTIONS"},
		"a kill under a limit of the script's that does not fit": {
			Evidence{Signal: 9, CgroupOOMKill: true, HeapLimit: 512 * mb, ScriptHeapLimits: []memtools.Bytes{8 * gb}, Budget: gb, Peak: 990 * mb}, KernelOOM, "",
			"Its script runs Node with a heap limit of 8GB, more than the budget of 1GB allows: set a lower --max-old-space-size there"},
		"an abort near a limit that was not in force": {
			Evidence{Signal: 6, HeapLimit: 512 * mb, HeapLimitUnsure: true, Peak: 500 * mb}, Signal, "", ""},
		"a heap that died at ours although the script sets another for a part": {
			Evidence{ExitCode: 134, Tail: v8, HeapLimit: 64 * mb, ScriptHeapLimits: []memtools.Bytes{512 * mb}}, V8Heap, "V8 heap limit 64.00MB", "Set heapLimit: 128MB"},
		"a heap of unknown size, of a script that sets a limit": {
			Evidence{Signal: 6, Tail: v8Line, HeapLimit: 512 * mb, ScriptHeapLimits: []memtools.Bytes{64 * mb}}, V8Heap, "JavaScript heap out of memory", "look for NODE_OPTIONS and --max-old-space-size"},
		"a heap far beyond our limit did not have it": {
			Evidence{ExitCode: 134, Tail: lastGC("Reached heap limit Allocation failed", "2040.1"), HeapLimit: gb}, V8Heap, "JavaScript heap out of memory (at 2040.10MB)",
			"V8 ran out at 2040.10MB although heapLimit is 1GB"},
		"a heap near a limit that is not ours, by V8's own words": {
			Evidence{ExitCode: 134, Tail: lastGC("Ineffective mark-compacts near heap limit Allocation failed", "512.3"), HeapLimit: 863 * mb}, V8Heap,
			"JavaScript heap out of memory (at 512.30MB)", "V8 ran out at 512.30MB although heapLimit is 863MB"},
		"a kill in a smaller cgroup, which its own counter proves": {
			Evidence{Signal: 9, OwnOOMKill: true, OwnLimit: 100 * mb, OwnCgroup: "cgroup v1 /a", Budget: gb, Peak: 98 * mb}, KernelOOM,
			"killed by the kernel, out of memory (used 98.00MB of 100.00MB)", "Its own limit is 100MB (cgroup v1 /a), which no setting of heapmage changes"},
		"a kill in a smaller cgroup that counts for ours": {
			Evidence{ExitCode: 137, CgroupOOMKill: true, OwnLimit: 100 * mb, OwnCgroup: "cgroup v2 /a", Budget: gb, Peak: 60 * mb}, KernelOOM,
			"used 60.00MB of 100.00MB", "Its own limit is 100MB (cgroup v2 /a)"},
		"a kill beside a smaller cgroup, with no memory left": {
			Evidence{Signal: 9, CgroupOOMKill: true, OwnLimit: 100 * mb, OwnCgroup: "cgroup v2 /a", Budget: gb, Peak: 1000 * mb}, KernelOOM,
			"used 1000.00MB of 1024.00MB", "give the run more memory than 1GB"},
		"a smaller cgroup is no word about another failure": {
			Evidence{ExitCode: 1, OwnLimit: 100 * mb, OwnCgroup: "cgroup v2 /a"}, Failure, "exit code 1", ""},
		"a heap that the budget does not allow": {
			Evidence{ExitCode: 134, Tail: v8Line, HeapLimit: 900 * mb, Budget: gb}, V8Heap, "V8 heap limit 900.00MB",
			"It needs a heap above 900MB, which the budget of 1GB does not allow"},
		"a heap for which half as much again is too much": {
			Evidence{ExitCode: 134, Tail: v8Line, HeapLimit: 512 * mb, Budget: 750 * mb}, V8Heap, "V8 heap limit 512.00MB", "Set heapLimit: 576MB"},
		"an abort near the heap limit without a word": {
			Evidence{ExitCode: 134, HeapLimit: 512 * mb, Peak: 600 * mb}, Signal, "ended by SIGABRT, exit code 134", "try heapLimit: 768MB"},
		"the whole output counts, not its tail": {
			Evidence{ExitCode: 1, Seen: seen(v8, 1), Tail: []byte("later\n")}, V8Heap, "", ""},
		"an interrupt by the caller, whatever was printed": {
			Evidence{ExitCode: 134, Tail: v8, Stopped: StopInterrupt}, Interrupted, "interrupted", ""},
		"a stop with exit code 0 is no success": {
			Evidence{Stopped: StopTimeout}, Timeout, "stopped at its time limit", ""},
		"a pressure stop": {
			Evidence{Signal: 9, Stopped: StopPressure, Budget: 2 * gb, Peak: 2 * gb}, PressureStop,
			"stopped to keep the run inside its memory (used 2048.00MB of 2048.00MB)", "needs more than 2048.00MB"},
		"a caller that knows what bounds the memory": {
			Evidence{Signal: 9, CgroupOOMKill: true, Budget: gb, Peak: gb, MoreRoom: func(want memtools.Bytes) string { return "raise it to " + want.Short() }}, KernelOOM,
			"", "It needs more than 1024.00MB: raise it to 1.5GB."},
		"the same for a heap that the budget does not allow": {
			Evidence{ExitCode: 134, Tail: v8Line, HeapLimit: gb, Budget: gb, MoreRoom: func(want memtools.Bytes) string { return "raise it to " + want.Short() }}, V8Heap,
			"", "which the budget of 1GB does not allow: raise it to 1.5GB, or split the package."},
		"a caller that does not know after all": {
			Evidence{Signal: 9, CgroupOOMKill: true, Budget: gb, Peak: gb, MoreRoom: func(memtools.Bytes) string { return "" }}, KernelOOM,
			"", "give the run more memory than 1GB."},
		"a V8 death before a pressure stop took effect": {
			Evidence{ExitCode: 134, Stopped: StopPressure, Tail: v8}, V8Heap, "", ""},
		"Ctrl-C that reached the child": {Evidence{ExitCode: 130}, Interrupted, "interrupted", ""},
		"a segmentation fault":          {Evidence{ExitCode: 139}, Signal, "ended by SIGSEGV, exit code 139", ""},
		"SIGTERM":                       {Evidence{Signal: 15}, Signal, "ended by SIGTERM", ""},
		"a signal without a name":       {Evidence{Signal: 63}, Signal, "ended by signal 63", ""},
		"a signal with exit code 0":     {Evidence{Signal: 15, ExitCode: 0}, Signal, "", ""},
		"exit code 126":                 {Evidence{ExitCode: 126}, NotExecutable, "cannot be executed", "executable"},
		"a missing command":             {Evidence{ExitCode: 127, Tail: []byte("/bin/sh: 1: tscc: not found\n")}, CommandNotFound, "command not found: tscc", "Install the dependencies"},
		"a missing package manager":     {Evidence{ExitCode: 127, Tail: []byte("/bin/sh: 1: pnpm: not found\n")}, CommandNotFound, "command not found: pnpm", "put it on PATH (npm install -g pnpm, or corepack enable)"},
		"exit code 255":                 {Evidence{ExitCode: 255}, Failure, "exit code 255", ""},
		"a code of Windows":             {Evidence{ExitCode: 0xC0000005}, Failure, "exit code 3221225477", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := Diagnose(tc.e)
			if got.Cause != tc.want || !strings.Contains(got.Reason(), tc.reason) || !strings.Contains(got.Advice, tc.advice) {
				t.Fatalf("got %s\n%s\n%s\nwant %s\n%s\n%s", got.Cause, got.Reason(), got.Advice, tc.want, tc.reason, tc.advice)
			}
		})
	}
}

// lastGC is what V8 writes at its end, with so many MB left in use.
func lastGC(form, used string) []byte {
	return []byte("<--- Last few GCs --->\n[1:0x1] 9 ms: Mark-Compact " + used + " (900.0) -> " + used + " (900.0) MB, 1 / 0 ms\n" +
		"FATAL ERROR: " + form + " - JavaScript heap out of memory\n")
}

func TestLostWorkers(t *testing.T) {
	for text, want := range map[string]Cause{
		"  ● Test suite failed to run\n\n    Jest worker ran out of memory and crashed\n\n      at X._onExit (NodeThreadsWorker.js:1:1)":       NodeWorker,
		"\x1b[1mJest worker ran out of memory and crashed\x1b[22m":                                                                             NodeWorker,
		"Error: Jest worker ran out of memory and crashed":                                                                                     NodeWorker,
		"web:test:     Jest worker ran out of memory and crashed":                                                                              NodeWorker,
		"ERR_WORKER_OUT_OF_MEMORY: Worker terminated due to reaching memory limit: JS heap out of memory":                                      NodeWorker,
		"api:test: ERR_WORKER_OUT_OF_MEMORY: Worker terminated due to reaching memory limit: JS heap out of memory":                            NodeWorker,
		"{ [Error: Worker terminated due to reaching memory limit: JS heap out of memory]\n  code: 'ERR_WORKER_OUT_OF_MEMORY' }":               NodeWorker,
		"[Error: Worker terminated due to reaching memory limit: JS heap out of memory] {\n  code: 'ERR_WORKER_OUT_OF_MEMORY'\n}":              NodeWorker,
		"Error: Worker terminated due to reaching memory limit: JS heap out of memory\nSerialized Error: { code: 'ERR_WORKER_OUT_OF_MEMORY' }": NodeWorker,
		"Error: Worker terminated due to reaching memory limit: JS heap out of memory\n  \"code\": \"ERR_WORKER_OUT_OF_MEMORY\"":               NodeWorker,
		"expect(message).toBe('Jest worker ran out of memory and crashed')":                                                                    Failure,
		"it says: \"Jest worker ran out of memory and crashed\"":                                                                               Failure,
		"see why a Jest worker ran out of memory and crashed":                                                                                  Failure,
		"[Error: Worker terminated due to reaching memory limit: JS heap out of memory]":                                                       Failure,
		"'ERR_WORKER_OUT_OF_MEMORY: Worker terminated due to reaching memory limit: JS heap out of memory' is what it wrote":                   Failure,
	} {
		if got := Diagnose(Evidence{ExitCode: 1, Tail: []byte(text + "\n")}); got.Cause != want {
			t.Errorf("%q gave %s", text, got.Cause)
		}
		if got := Diagnose(Evidence{Tail: []byte(text + "\n")}); !got.Success() {
			t.Errorf("%q with exit code 0 gave %s", text, got.Cause)
		}
	}
}

func TestVerdictsReadWell(t *testing.T) {
	for c := range causes {
		if c.Sentence() == "" || strings.HasSuffix(c.Sentence(), ".") {
			t.Errorf("%s: sentence %q", c, c.Sentence())
		}
	}
	if Cause("nonsense").Memory() || Cause("nonsense").Sentence() != "" {
		t.Error("an unknown cause says something")
	}
	for _, s := range samples(t) {
		for _, e := range []Evidence{{}, {HeapLimit: 512 * mb, Budget: gb, Peak: 700 * mb, Last: 650 * mb}} {
			e.ExitCode, e.Signal, e.CgroupOOMKill, e.Tail = s.evidence.ExitCode, s.evidence.Signal, s.evidence.CgroupOOMKill, s.output
			checkReadsWell(t, Diagnose(e))
		}
	}
}

// checkReadsWell checks what holds for every verdict, whatever the evidence.
func checkReadsWell(t interface{ Errorf(string, ...any) }, v Verdict) {
	if _, ok := causes[v.Cause]; !ok {
		t.Errorf("unknown cause %q", v.Cause)
	}
	if r := v.Reason(); r == "" || strings.ContainsAny(r, "\n\r\x1b") || len(r) > 2*maxQuote {
		t.Errorf("reason %q", r)
	}
	if a := v.Advice; a != "" && (!strings.HasSuffix(a, ".") || strings.ContainsAny(a, "\n\r\x1b")) {
		t.Errorf("advice %q", a)
	}
	if v.Memory() && v.Advice == "" {
		t.Errorf("%s: no advice for a memory failure", v.Cause)
	}
	if v.NextHeapLimit < 0 || v.NextHeapLimit > 0 && v.NextHeapLimit <= v.Limit {
		t.Errorf("heap limit %s after %s", v.NextHeapLimit, v.Limit)
	}
}

func TestASignalIsNeverSuccess(t *testing.T) {
	all := samples(t)
	rapid.Check(t, func(t *rapid.T) {
		e := Evidence{
			ExitCode:       rapid.OneOf(rapid.IntRange(-2, 260), rapid.Int()).Draw(t, "code"),
			Signal:         rapid.IntRange(0, 64).Draw(t, "signal"),
			HeapLimit:      drawBytes(t, "heap limit"),
			Budget:         drawBytes(t, "budget"),
			Last:           drawBytes(t, "last"),
			Peak:           drawBytes(t, "peak"),
			Available:      drawBytes(t, "available"),
			AvailableKnown: rapid.Bool().Draw(t, "available known"),
			CgroupOOMKill:  rapid.Bool().Draw(t, "cgroup"),
			HostOOMKill:    rapid.Bool().Draw(t, "host"),
			Stopped:        rapid.SampledFrom([]Stop{NotStopped, NotStopped, StopPressure, StopTimeout, StopInterrupt, "odd"}).Draw(t, "stopped"),
		}
		if i := rapid.IntRange(-1, len(all)-1).Draw(t, "sample"); i >= 0 {
			e.Tail = all[i].output
		}
		v := Diagnose(e)
		clean := e.Signal == 0 && e.ExitCode == 0 && e.Stopped == NotStopped
		if v.Success() != clean {
			t.Errorf("%+v gave %s", e, v.Cause)
		}
		if e.Tail == nil && !e.CgroupOOMKill && !e.HostOOMKill && !e.AvailableKnown && e.Budget == 0 && e.Stopped == NotStopped && v.Memory() {
			t.Errorf("memory without evidence: %s", v.Cause)
		}
		checkReadsWell(t, v)
	})
}

func drawBytes(t *rapid.T, label string) memtools.Bytes {
	return memtools.Bytes(rapid.Int64Range(0, 1<<38).Draw(t, label))
}

func TestEvidenceOfACommandThatDidNotStart(t *testing.T) {
	if e := EvidenceOf(nil); e.ExitCode != -1 || e.Signal != 0 || Diagnose(e).Cause != Failure {
		t.Errorf("%+v: %s", e, Diagnose(e).Cause)
	}
}
