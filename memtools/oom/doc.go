// Package oom says why a process ended, and whether memory was the reason. It
// names a cause only on evidence: the fatal text of V8, Go, the JVM or another
// runtime in the form in which it is printed at a death, a kernel counter that
// rose, or the caller's own act. Exit code 137 alone is "killed, cause unknown",
// and a signal is never success.
//
// Diagnose is pure: it reads no file, starts nothing and takes no clock. A
// Scanner watches output of any size for the texts, in about 2 KB of memory:
//
//	scan := new(oom.Scanner)
//	cmd.Stdout, cmd.Stderr = scan, scan // or io.MultiWriter(log, scan)
//	…
//	verdict := oom.Diagnose(oom.Evidence{ExitCode: 134, Seen: scan.Findings()})
//	if verdict.Memory() {
//		fmt.Println(verdict.Reason(), verdict.Advice)
//	}
package oom
