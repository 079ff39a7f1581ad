package browser

import (
	"errors"
	"runtime"
	"testing"
)

func TestOpen(t *testing.T) {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("this system always has a display")
	}
	if err := Open("/x.html", nil); !errors.Is(err, ErrNoDisplay) {
		t.Error(err)
	}
	t.Setenv("PATH", t.TempDir())
	if err := Open("/x.html", []string{"DISPLAY=:0"}); err == nil || errors.Is(err, ErrNoDisplay) {
		t.Errorf("the program is missing: %v", err)
	}
}

func TestCommandFor(t *testing.T) {
	for system, want := range map[string]string{"darwin": "open", "windows": "rundll32", "linux": "xdg-open", "freebsd": "xdg-open"} {
		command := commandFor(system, "-x")
		if command[0] != want || command[len(command)-1] != "-x" {
			t.Errorf("%s: %q", system, command)
		}
	}
}
