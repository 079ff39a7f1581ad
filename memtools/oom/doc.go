// Package oom tells why a process ended, and whether it ran out of memory.
//
// It names a cause only on evidence: the fatal text of V8, Go, the JVM or another
// runtime in the form that it has at a death, a kernel counter that grew, or a stop
// by the caller. Exit code 137 alone is "killed, cause unknown". A signal is never
// a success.
//
// [Diagnose] is pure: it reads no file, starts nothing and asks no clock. A
// [Scanner] searches output of any size for the fatal texts, in about 2 KB of
// memory:
//
//	scan := new(oom.Scanner)
//	out := io.MultiWriter(os.Stderr, scan)
//	cmd.Stdout, cmd.Stderr = out, out
//	_ = cmd.Run()
//	evidence := oom.EvidenceOf(cmd.ProcessState)
//	evidence.Seen = scan.Findings()
//	verdict := oom.Diagnose(evidence)
//	if verdict.Memory() {
//		fmt.Println(verdict.Reason(), verdict.Advice)
//	}
//
// Every text that a Scanner knows has a sample of a real death in testdata.
package oom
