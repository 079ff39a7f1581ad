package oom

import (
	"runtime"
	"strings"
)

// The signals that Diagnose distinguishes. Their numbers are the same on every POSIX
// system.
const (
	sigint  = 2
	sigill  = 4
	sigtrap = 5
	sigabrt = 6
	sigkill = 9
	sigterm = 15
)

// signals are those that have the same number on Linux, macOS and the BSDs.
var signals = map[int]string{
	1: "SIGHUP", sigint: "SIGINT", 3: "SIGQUIT", sigill: "SIGILL", sigtrap: "SIGTRAP", sigabrt: "SIGABRT",
	8: "SIGFPE", sigkill: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", sigterm: "SIGTERM",
	24: "SIGXCPU", 25: "SIGXFSZ",
}

// linuxSignals and otherSignals are those that differ.
var (
	linuxSignals = map[int]string{7: "SIGBUS", 10: "SIGUSR1", 12: "SIGUSR2", 31: "SIGSYS"}
	otherSignals = map[int]string{10: "SIGBUS", 12: "SIGSYS", 30: "SIGUSR1", 31: "SIGUSR2"}
)

// SignalName returns the name of signal n on this system, such as "SIGKILL". It is
// empty if n is unknown or ends no process.
func SignalName(n int) string {
	if name := signals[n]; name != "" {
		return name
	}
	if runtime.GOOS == "linux" {
		return linuxSignals[n]
	}
	return otherSignals[n]
}

// SignalNumber returns the number of a signal on this system by its name, "SIGKILL"
// or "KILL" in any case. It is zero for an unknown name.
func SignalNumber(name string) int {
	name = "SIG" + strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(name)), "SIG")
	for n := 1; n < 32; n++ {
		if SignalName(n) == name {
			return n
		}
	}
	return 0
}

// end is how a process ended, with a shell's translation undone.
type end struct {
	code   int
	signal int
	// translated is set if the signal was read from an exit code.
	translated bool
}

func (e Evidence) end() end {
	if e.Signal != 0 {
		return end{code: -1, signal: e.Signal}
	}
	if n := e.ExitCode - 128; n > 0 && SignalName(n) != "" {
		return end{code: e.ExitCode, signal: n, translated: true}
	}
	return end{code: e.ExitCode}
}

func (e end) success() bool { return e.code == 0 && e.signal == 0 }

// aborted reports whether the process ended itself, as V8 does in the way of its platform.
func (e end) aborted() bool {
	return e.signal == sigabrt || e.signal == sigtrap || e.signal == sigill
}
