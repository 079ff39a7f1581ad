package mage_test

import (
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

// TestFooter looks at the screen of a person who builds on a terminal.
func TestFooter(t *testing.T) {
	testkit.NeedsNode(t)
	const width, height = 100, 24
	// start types a build in a shell; the setting comes before it.
	start := func(t *testing.T, setting string) (*terminal, string) {
		t.Helper()
		root, lines := ticking(t)
		s := openTerminal(t, root)
		s.press(fmt.Sprintf("stty cols %d rows %d; TERM=xterm CI= %s %s build\r", width, height, setting, binary))
		waitFor(t, "the script to run", func() bool { return lines() > 2 })
		return s, root
	}
	screen := func(s *terminal) *testkit.VT {
		v := testkit.NewVT(width, height)
		_, _ = v.Write([]byte(s.text()))
		return v
	}
	// A line of the shell may stand on the first line of a footer that is left behind.
	shows := func(s *terminal) bool { return strings.Contains(strings.Join(screen(s).Screen(), "\n"), " of 1 done") }
	const ctrlZ, ctrlC = "\x1a", "\x03"

	t.Run("shows what runs, and leaves the log as it is without it", func(t *testing.T) {
		t.Parallel()
		digits := regexp.MustCompile(`[0-9]+`)
		log := func(setting string) string {
			s, _ := start(t, setting)
			if setting == "" {
				waitFor(t, "a footer", func() bool { return shows(s) })
			}
			s.waitFor("succeeded")
			waitFor(t, "the prompt", func() bool { return strings.HasSuffix(screen(s).All(), "\n>") })
			_, log, _ := strings.Cut(screen(s).All(), "🚀")
			return digits.ReplaceAllString(log, "0")
		}
		if with, without := log(""), log("HEAPMAGE_VIEW=plain"); with != without {
			t.Errorf("it is\n%s\nwant\n%s", with, without)
		}
	})
	for _, setting := range []string{"HEAPMAGE_VIEW=plain", "TERM=dumb", "CI=true"} {
		t.Run("does not stand there with "+setting, func(t *testing.T) {
			t.Parallel()
			s, _ := start(t, setting)
			s.waitFor("succeeded")
			if strings.Contains(s.text(), "\x1b7") {
				t.Errorf("%q", s.text())
			}
		})
	}
	t.Run("is gone while the job is stopped, and while it goes on in the background", func(t *testing.T) {
		t.Parallel()
		s, root := start(t, "")
		waitFor(t, "a footer", func() bool { return shows(s) })
		s.press(ctrlZ)
		s.stopped(root)
		if shows(s) {
			t.Error(screen(s).Screen())
		}
		s.press("bg\r")
		s.waitFor("succeeded")
		if shows(s) {
			t.Error(screen(s).Screen())
		}
	})
	t.Run("comes back with the job, and is gone after an interrupt", func(t *testing.T) {
		t.Parallel()
		s, root := start(t, "")
		s.press(ctrlZ)
		s.stopped(root)
		s.press("fg\r")
		waitFor(t, "a footer", func() bool { return shows(s) })
		s.press(ctrlC)
		s.waitFor("interrupted")
		if v := screen(s); strings.Contains(v.All(), "RUNNING") {
			t.Error(v.All())
		}
	})
	t.Run("is gone when heapmage is killed", func(t *testing.T) {
		t.Parallel()
		s, _ := start(t, "")
		waitFor(t, "a footer", func() bool { return shows(s) })
		for _, pid := range childrenNamed(s.shell.Process.Pid, "build") {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		s.waitFor("Killed")
		waitFor(t, "the footer to go", func() bool { return !shows(s) })
	})
	t.Run("leaves the terminal alone when heapmage is killed while another program has it", func(t *testing.T) {
		t.Parallel()
		s, root := start(t, "")
		waitFor(t, "a footer", func() bool { return shows(s) })
		s.press(ctrlZ)
		s.stopped(root)
		s.press("printf 'above\\nbelow\\n\\033[2A'; cat\r") // as an editor would
		waitFor(t, "the other program", func() bool { return strings.Contains(strings.Join(screen(s).Screen(), "\n"), "above\nbelow") })
		for _, pid := range childrenNamed(s.shell.Process.Pid, "build") {
			reaper := childrenNamed(pid, "process-reaper")
			_ = syscall.Kill(pid, syscall.SIGKILL)
			waitFor(t, "the helper to end", func() bool { return len(reaper) == 1 && syscall.Kill(reaper[0], 0) != nil })
		}
		if !strings.Contains(strings.Join(screen(s).Screen(), "\n"), "above\nbelow") {
			t.Error(screen(s).Screen())
		}
	})
}
