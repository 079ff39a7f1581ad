package mage_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

// guardedTicks is a workspace in which a leaves signs of life, and b waits until a has ended.
func guardedTicks(t *testing.T) (root string, lines func() int) {
	root = guardWorkspace(t, map[string]string{"a": `"tick": "trap '' HUP; sh ../../tick.sh"`, "b": `"late": "trap '' HUP; echo late >> ../../late"`}, map[string]string{
		"tick.sh": fmt.Sprintf("i=0; while [ $i -lt %d ]; do echo x >>../../ticks; sleep 0.03; i=$((i+1)); done\n", ticks),
		"run.sh":  `exec "` + binary + `" memory:guard -command="npm run -s tick -w a & until [ -e ticks ]; do sleep 0.02; done; npm run -s late -w b; wait; echo the run is over"` + "\n",
	})
	return root, func() int {
		text, _ := os.ReadFile(filepath.Join(root, "ticks"))
		return bytes.Count(text, []byte("\n"))
	}
}

// stoppedGuarded waits until every process in a folder is stopped but the shell and the shims.
func stoppedGuarded(s *terminal, root string) {
	s.t.Helper()
	s.waitFor("Stopped")
	waitFor(s.t, "all scripts to be stopped", func() bool {
		shims := parties(s.t, root)[aShim]
		for pid, state := range states(root) {
			if pid != s.shell.Process.Pid && !slices.Contains(shims, pid) && !strings.Contains("TD", state) {
				return false
			}
		}
		return true
	})
}

func TestGuardedInATerminal(t *testing.T) {
	testkit.NeedsNode(t)
	t.Setenv("HEAPMAGE_BUDGET", "1200MB")
	const ctrlZ, ctrlC = "\x1a", "\x03"
	start := func(t *testing.T, line string) (*terminal, string, func() int) {
		root, lines := guardedTicks(t)
		s := openTerminal(t, root)
		s.press(line + "\r")
		waitFor(t, "the script to run", func() bool { return lines() > 2 })
		return s, root, lines
	}
	t.Run("Ctrl-Z stops scripts that run and that wait, until the job goes on", func(t *testing.T) {
		s, root, lines := start(t, "sh run.sh")
		for range 2 {
			s.press(ctrlZ)
			stoppedGuarded(s, root)
			n := lines()
			s.press("fg\r")
			waitFor(t, "the script to go on", func() bool { return lines() > n })
		}
		s.waitFor("the run is over\r")
		if late, _ := os.ReadFile(filepath.Join(root, "late")); lines() != ticks || string(late) != "late\n" {
			t.Errorf("%d ticks, %q", lines(), late)
		}
	})
	t.Run("goes on in the background", func(t *testing.T) {
		s, root, _ := start(t, "sh run.sh")
		s.press(ctrlZ)
		stoppedGuarded(s, root)
		s.press("bg\r")
		s.waitFor("the run is over\r")
	})
	t.Run("runs in the background from the start", func(t *testing.T) {
		s, _, _ := start(t, "sh run.sh &")
		s.waitFor("the run is over\r")
	})
	t.Run("Ctrl-C ends everything", func(t *testing.T) {
		s, root, _ := start(t, "sh run.sh; echo code $?.")
		s.press(ctrlC)
		s.waitFor("code 130.")
		waitFor(t, "every process but the shell to end", func() bool { return len(processesIn(root)) == 1 })
	})
	t.Run("Ctrl-C is for the command to obey", func(t *testing.T) {
		root := guardWorkspace(t, map[string]string{"a": `"x": "true"`}, map[string]string{
			"asks.js": `let n = 0; process.on("SIGINT", () => { console.log("asked " + ++n + "."); if (n === 3) process.exit(5) }); setInterval(() => 0, 1e9); console.log("ready.")`,
			"run.sh":  `exec "` + binary + `" memory:guard -command="exec node asks.js"` + "\n",
		})
		s := openTerminal(t, root)
		s.press("sh run.sh; echo code $?.\r")
		s.waitFor("ready.")
		for n := range 3 {
			s.press(ctrlC)
			s.waitFor(fmt.Sprintf("asked %d.", n+1))
		}
		s.waitFor("code 5.")
		if strings.Contains(s.text(), "cancelling") {
			t.Error(s.text())
		}
	})
	for _, how := range []string{"kill -9 %1", "kill %1", "hang up"} {
		t.Run("nothing stays stopped after "+how, func(t *testing.T) {
			s, root, _ := start(t, "sh run.sh")
			s.press(ctrlZ)
			stoppedGuarded(s, root)
			shell := 1
			if how == "hang up" {
				_ = s.keys.Close()
				shell = 0
			} else {
				s.press(how + "\r")
			}
			waitFor(t, "every process to end", func() bool { return len(processesIn(root)) <= shell })
		})
	}
	t.Run("nohup lets it go on after a hangup", func(t *testing.T) {
		// Node obeys SIGHUP all the same, so the shell must not send it to the job.
		s, root, lines := start(t, "nohup sh run.sh >log 2>&1 & disown")
		_ = s.keys.Close()
		_ = s.shell.Process.Signal(syscall.SIGHUP)
		waitFor(t, "the run to end", func() bool { return len(processesIn(root)) == 0 })
		log, _ := os.ReadFile(filepath.Join(root, "log"))
		if late, _ := os.ReadFile(filepath.Join(root, "late")); lines() != ticks || string(late) != "late\n" || !strings.Contains(string(log), "the run is over\n") {
			t.Errorf("%d ticks, %q\n%s", lines(), late, log)
		}
	})
}
