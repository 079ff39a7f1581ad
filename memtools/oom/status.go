package oom

import (
	"runtime"
	"strings"
)

// Signals that the diagnosis tells apart. Their numbers are the same on every
// POSIX system.
const (
	sigint  = 2
	sigabrt = 6
	sigkill = 9
)

// signals holds the numbers that Linux and the BSDs, macOS among them, share.
var signals = map[int]string{
	1: "SIGHUP", sigint: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", sigabrt: "SIGABRT",
	8: "SIGFPE", sigkill: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
	24: "SIGXCPU", 25: "SIGXFSZ",
}

// linuxSignals and otherSignals are those on which they differ.
var (
	linuxSignals = map[int]string{7: "SIGBUS", 10: "SIGUSR1", 12: "SIGUSR2", 31: "SIGSYS"}
	otherSignals = map[int]string{10: "SIGBUS", 12: "SIGSYS", 30: "SIGUSR1", 31: "SIGUSR2"}
)

// SignalName returns the name of the POSIX signal n, such as "SIGKILL". It is
// empty where n ends no process or is unknown on this system.
func SignalName(n int) string {
	if name := signals[n]; name != "" {
		return name
	}
	if runtime.GOOS == "linux" {
		return linuxSignals[n]
	}
	return otherSignals[n]
}

// SignalNumber returns the number of a signal by its name, "SIGKILL" or "KILL"
// in any case, or zero where it is unknown.
func SignalNumber(name string) int {
	name = "SIG" + strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(name)), "SIG")
	for n := 1; n < 32; n++ {
		if SignalName(n) == name {
			return n
		}
	}
	return 0
}

// end is how a process ended, a shell's translation undone.
type end struct {
	code   int
	signal int
	// translated is set where the signal was read from an exit code.
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
