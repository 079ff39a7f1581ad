package oom_test

import (
	"fmt"
	"io"
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
	fmt.Println(v.Memory(), v.HeapLimit.Short())
	// Output:
	// ❌ Building package: cli failed after 3.21s: JavaScript heap out of memory (V8 heap limit 512.00MB)
	// 💡 Set heapLimit: 768MB for this package; the budget of 2GB bears it.
	// true 768MB
}
