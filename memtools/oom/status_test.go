package oom

import "testing"

func TestSignalNamesAndNumbersAgree(t *testing.T) {
	for _, name := range []string{"SIGKILL", "kill", " SIGabrt", "TERM", "SIGBUS", "SIGUSR2"} {
		n := SignalNumber(name)
		if n == 0 || SignalNumber(SignalName(n)) != n {
			t.Errorf("%q: %d, %q", name, n, SignalName(n))
		}
	}
	if SignalNumber("SIGKILL") != 9 || SignalNumber("SIGNONE") != 0 || SignalNumber("") != 0 || SignalName(0) != "" || SignalName(-9) != "" {
		t.Error("unknown signals are not zero")
	}
}
