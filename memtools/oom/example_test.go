package oom_test

import (
	"fmt"
	"io"
	"os/exec"
	"strings"

	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/oom"
)

func ExampleDiagnose() {
	var scan oom.Scanner
	output := `
<--- Last few GCs --->

[4711:0x3001] 9 s: Mark-Compact 511.2 (540.0) -> 509.8 (540.0) MB, 95 / 0 ms

FATAL ERROR: Ineffective mark-compacts near heap limit Allocation failed - JavaScript heap out of memory
----- Native stack trace -----

Aborted
`
	_, _ = io.Copy(&scan, strings.NewReader(output))
	v := oom.Diagnose(oom.Evidence{
		ExitCode:  134,
		Seen:      scan.Findings(),
		HeapLimit: 512 * memtools.MB,
		Budget:    2 * memtools.GB,
	})
	fmt.Println("❌ Building package: cli failed after 3.21s:", v.Reason())
	fmt.Println("💡", v.Advice)
	fmt.Println(v.Memory(), v.NextHeapLimit.Short())
	// Output:
	// ❌ Building package: cli failed after 3.21s: JavaScript heap out of memory (V8 heap limit 512.00MB)
	// 💡 Set heapLimit: 768MB for this package; the budget of 2GB allows it.
	// true 768MB
}

func ExampleScanner() {
	scan := new(oom.Scanner)
	cmd := exec.Command("sh", "-c", "echo 'java.lang.OutOfMemoryError: Java heap space'; echo '	at Main.main(Main.java:7)'; exit 1")
	cmd.Stdout, cmd.Stderr = scan, scan
	_ = cmd.Run()
	e := oom.EvidenceOf(cmd.ProcessState)
	e.Seen = scan.Findings()
	v := oom.Diagnose(e)
	fmt.Println(v.Cause, v.Memory())
	fmt.Println(v.Reason())
	// Output:
	// jvm-heap true
	// Java out of memory: Java heap space
}

func ExampleCause() {
	for _, c := range []oom.Cause{oom.KernelOOM, oom.Killed} {
		fmt.Println(c.Memory(), c.Sentence())
	}
	// Output:
	// true killed by the kernel, out of memory
	// false killed, cause unknown
}

func ExampleSignalNumber() {
	fmt.Println(oom.SignalNumber("SIGKILL"), oom.SignalNumber("kill"), oom.SignalNumber("SIGNONE"))
	// Output: 9 9 0
}
