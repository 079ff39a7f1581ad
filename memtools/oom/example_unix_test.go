//go:build unix

package oom_test

import (
	"fmt"
	"os/exec"

	"github.com/heapmage/heapmage/memtools/oom"
)

// SIGKILL alone proves nothing. It is the kernel's if its counter grew.
func ExampleEvidenceOf() {
	cmd := exec.Command("sh", "-c", "kill -KILL $$")
	_ = cmd.Run()
	e := oom.EvidenceOf(cmd.ProcessState)
	fmt.Println(e.ExitCode, e.Signal, oom.Diagnose(e).Reason())
	e.CgroupOOMKill = true // see memtools.OOMKills
	fmt.Println(oom.Diagnose(e).Reason())
	// Output:
	// -1 9 killed, cause unknown (SIGKILL)
	// killed by the kernel, out of memory
}
