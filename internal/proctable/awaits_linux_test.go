package proctable

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestAwaitsInput(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		needs string // a program
		want  bool
	}{
		"a shell whose child reads":                  {"cat; true", "cat", true},
		"a shell that reads":                         {"read line", "sh", true},
		"one that does other things":                 {"sleep 30; true", "sleep", false},
		"one whose child has another input":          {"cat <fifo >/dev/null & sleep 30; true", "sleep", false},
		"a Node process that listens":                {`node -e 'process.stdin.on("data", () => {})'; true`, "node", true},
		"a Node process that does not touch it":      {`node -e 'setTimeout(() => {}, 30000)'; true`, "node", false},
		"a Node process with other files in epoll":   {`node -e 'require("net").createServer().listen(0)'; true`, "node", false},
		"a child of a child of Node that reads it":   {`node -e 'require("child_process").spawn("cat", {stdio: "inherit"})'; true`, "node", true},
		"a child of Node that has a pipe of its own": {`node -e 'require("child_process").spawn("cat", {stdio: ["pipe", 1, 2]})'; true`, "node", false},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath(c.needs); err != nil {
				if os.Getenv("CI") != "" {
					t.Fatal(err)
				}
				t.Skip(err)
			}
			t.Parallel()
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _, _ = r.Close(), w.Close() }()
			cmd := exec.Command("sh", "-c", "mkfifo fifo; "+c.text)
			cmd.Dir, cmd.Stdin = t.TempDir(), r
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			leader, err := Lookup(cmd.Process.Pid)
			if err != nil {
				t.Fatal(err)
			}
			got := !c.want
			for begun := time.Now(); got != c.want && time.Since(begun) < 20*time.Second; time.Sleep(20 * time.Millisecond) {
				got = AwaitsInput(leader.Identity)
			}
			if !c.want { // it must stay so
				for range 20 {
					got = got || AwaitsInput(leader.Identity)
					time.Sleep(20 * time.Millisecond)
				}
			}
			if got != c.want {
				t.Errorf("got %v", got)
			}
			all := Root{Leader: leader.Identity}
			table, _ := Open()
			defer func() { _ = table.Close() }()
			procs, _ := table.All()
			members, _ := Members(all, Attached, procs, func(int) (string, bool) { return "", true }, os.Getpid())
			for _, p := range members {
				_ = Signal(p.Identity, os.Kill)
			}
			_ = cmd.Wait()
		})
	}
}

func TestTheDeadAwaitNoInput(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = r.Close(), w.Close() }()
	cmd := exec.Command("sh", "-c", "read line")
	cmd.Stdin = r
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	leader, err := Lookup(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for begun := time.Now(); time.Since(begun) < 20*time.Second; time.Sleep(time.Millisecond) {
		if p, err := Lookup(leader.PID); err != nil || p.Zombie {
			break
		}
	}
	if AwaitsInput(leader.Identity) {
		t.Error("one that was killed and is not waited for awaits input")
	}
	_ = cmd.Wait()
	if AwaitsInput(leader.Identity) {
		t.Error("one that is gone awaits input")
	}
}
