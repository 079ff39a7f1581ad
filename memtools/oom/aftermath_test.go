package oom

import (
	"strings"
	"testing"
)

// A child that a test lets run out of memory is not why the test fails later.
func TestADeathThatWasSurvived(t *testing.T) {
	v8 := strings.TrimSuffix(string(sampleNamed(t, "v8-leak-node20").output), "Aborted\n")
	refused := strings.TrimSuffix(string(sampleNamed(t, "v8-start-node22").output), "Aborted\n")
	labelled := "api:test: " + strings.ReplaceAll(strings.TrimSuffix(v8, "\n"), "\n", "\napi:test: ") + "\n"
	for name, tc := range map[string]struct {
		output string
		code   int
		want   Cause
	}{
		"the test went on and failed at an assertion": {
			v8 + "ok 1 - the child ran out of heap, as it should: SIGABRT\nok 2 - the parent goes on\nnot ok 3 - AssertionError: 3 is not 4\n", 1, Failure},
		"the test printed the child's exit code": {
			v8 + "ok 1 - the child exited with code 134\nnot ok 2 - timeout\n", 1, Failure},
		"a mutation tester went on":                           {v8 + "[Survived] 3\nmutation score 71 under threshold 80\n", 1, Failure},
		"a child that could not start":                        {refused + "✓ reports the refusal\n✗ prints a table\n", 1, Failure},
		"below a runner's prefix":                             {labelled + "api:test: ✓ dies\napi:test: ✗ counts\n", 1, Failure},
		"the test was killed later":                           {v8 + "ok 1\n", 137, Killed},
		"the test timed out later":                            {v8 + "ok 1\nstill waiting\n", 143, Signal},
		"a shell went on":                                     {v8 + "Aborted (core dumped)\nnow the rest\n", 1, Failure},
		"a compiler failed after it":                          {v8 + "src/a.ts(1,1): error TS2304: Cannot find name 'x'.\n", 2, Failure},
		"the script ended with the death":                     {v8, 1, V8Heap},
		"the script aborted itself, after lines of its child": {v8 + "cleaning up\n", 134, V8Heap},
		"npm told of a failure, without the code":             {v8 + "npm error Lifecycle script `build` failed with error:\nnpm error workspace a@1.0.0\n", 1, V8Heap},
		"a shell told of the abort":                           {v8 + "Aborted (core dumped)\nbuild failed\n", 1, V8Heap},
		"pnpm told of the code":                               {v8 + " ELIFECYCLE  Command failed with exit code 134.\nsummary: 1 failed\n", 1, V8Heap},
		"Turborepo told of the code":                          {v8 + "web:build: ERROR: command finished with error: command (/w) npm run build exited (134)\n\n Tasks:    1 successful, 2 total\nCached:    0 cached, 2 total\n", 1, V8Heap},
		"concurrently told of the signal":                     {v8 + "[0] node a.js exited with code SIGABRT\n[1] done\n", 1, V8Heap},
		"npm-run-all told of the code":                        {v8 + "ERROR: \"build:a\" exited with 134.\n[b] done\n", 1, V8Heap},
		"Jest told of its worker":                             {v8 + "  ● Test suite failed to run\n    A jest worker process (pid=7) was terminated by another process: signal=SIGABRT, exitCode=null. Operating system logs may contain more information on why this occurred.\nTest Suites: 1 failed, 1 passed, 2 total\n", 1, V8Heap},
		"Vitest told of its worker":                           {v8 + "Error: Worker exited unexpectedly\n Test Files  1 failed | 3 passed\n", 1, V8Heap},
		"Next.js told of its worker":                          {v8 + "Next.js build worker exited with code: null and signal: SIGABRT\nExport failed\n", 1, V8Heap},
		"a checker in its own process":                        {v8 + "Issues checking service aborted - probably out of memory. Check the `memoryLimit` option\nwebpack compiled with 1 error\n", 1, V8Heap},
	} {
		t.Run(name, func(t *testing.T) {
			for _, piece := range []int{7, 4096} {
				got := Diagnose(Evidence{ExitCode: tc.code, Seen: seen([]byte(tc.output), piece)})
				if got.Cause != tc.want {
					t.Fatalf("got %s, %q by %q, want %s", got.Cause, got.Reason(), got.Evidence, tc.want)
				}
				if got.Cause == Failure && !strings.Contains(got.Advice, "ran out of JavaScript heap, and it went on") {
					t.Errorf("the advice is %q", got.Advice)
				}
			}
		})
	}
}

func TestAGuardIsSuspected(t *testing.T) {
	for name, tc := range map[string]struct {
		e      Evidence
		want   Cause
		reason string
		advice string
	}{
		"SIGTERM at 95 % of the budget": {Evidence{Signal: 15, Budget: 1000 * mb, Peak: 950 * mb}, GuardSuspected,
			"ended, probably by a program that watches memory, such as earlyoom (used 950.00MB of 1000.00MB)", "its log tells; it needs more than 950.00MB"},
		"through a shell": {Evidence{ExitCode: 143, Budget: 1000 * mb, Peak: 950 * mb}, GuardSuspected, "earlyoom", ""},
		"SIGTERM with hardly any memory left": {Evidence{Signal: 15, Budget: 4 * gb, Peak: gb, Available: 100 * mb, AvailableKnown: true}, GuardSuspected,
			"earlyoom", ""},
		"SIGTERM at half of the budget": {Evidence{Signal: 15, Budget: 1000 * mb, Peak: 500 * mb, Available: 500 * mb, AvailableKnown: true}, Signal, "ended by SIGTERM", ""},
		"SIGTERM at a time limit":       {Evidence{Signal: 15, Budget: 1000 * mb, Peak: 950 * mb, Stopped: StopTimeout}, Timeout, "", ""},
		"SIGHUP at 95 %":                {Evidence{Signal: 1, Budget: 1000 * mb, Peak: 950 * mb}, Signal, "ended by SIGHUP", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := Diagnose(tc.e)
			if got.Cause != tc.want || !strings.Contains(got.Reason(), tc.reason) || !strings.Contains(got.Advice, tc.advice) {
				t.Errorf("got %s\n%s\n%s", got.Cause, got.Reason(), got.Advice)
			}
			checkReadsWell(t, got)
		})
	}
}

func TestAPoolIsToldToUseFewerWorkers(t *testing.T) {
	kill := Evidence{Signal: 9, CgroupOOMKill: true, Budget: 1000 * mb, Peak: 980 * mb, Processes: 7}
	if got := Diagnose(kill).Advice; !strings.HasPrefix(got, "It ran 7 processes of similar size, 980.00MB together: let it start fewer workers") {
		t.Errorf("got %q", got)
	}
	kill.Processes = 1
	if got := Diagnose(kill).Advice; strings.Contains(got, "workers") {
		t.Errorf("one process: %q", got)
	}
}
