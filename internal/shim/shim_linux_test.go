package shim

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

var background = context.Background()

// probes print what a program can see of its surroundings. What changes while a shell starts
// another program is printed by one that takes the shell's place.
var probes = []string{
	`printf '%s\n' "$0" "$@" "$-"; umask; ulimit -a; pwd; cat /proc/$$/limits /proc/$$/oom_score_adj /proc/$$/cgroup
tr '\0' '\n' < /proc/$$/environ; tr '\0' '\n' < /proc/$$/cmdline; cut -d' ' -f5-8,19 /proc/$$/stat; readlink /proc/$$/exe`,
	`exec grep -E '^(Sig(Blk|Ign|Cgt)|Uid|Gid|Groups|NoNewPrivs|Cpus_allowed|Name):?' /proc/self/status`,
	`exec ls -l /proc/self/fd`,
}

// changing is what differs between two runs of the last probe.
var changing = regexp.MustCompile(`(?m)^.* ([0-9]+ -> [a-z:/]*).*$|total .*`)

func TestTheScriptSeesWhatItSeesUnderASshell(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes; left out with -short")
	}
	g := guardWith(t, admit)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for claim, prepare := range map[string]func(c *exec.Cmd){
		"as it is":         func(*exec.Cmd) {},
		"in another group": func(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} },
		"in a session of its own": func(c *exec.Cmd) {
			c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		},
		"in another folder": func(c *exec.Cmd) { c.Dir = filepath.Dir(file) },
		"with descriptors": func(c *exec.Cmd) {
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = f.Close() })
			c.Stdin, c.ExtraFiles = f, []*os.File{f, nil, f}
		},
		"with arguments":            func(c *exec.Cmd) { c.Args = append(c.Args, "name", "a b", "", "'\"$\\") },
		"with signals ignored":      around(`trap '' HUP INT QUIT TERM TSTP USR1`),
		"with one ignored":          around(`trap '' HUP`),
		"with another priority":     around(`renice -n 5 $$ >/dev/null`),
		"with limits and a mask":    around(`umask 0707; ulimit -c 0; ulimit -n 100; ulimit -s 1024`),
		"with a score":              around(`echo 300 > /proc/$$/oom_score_adj`),
		"with strange variables":    func(c *exec.Cmd) { c.Env = append(c.Env, "a.b=c", "=x", "EMPTY=", "LINES=a\nb") },
		"with a PATH that has more": func(c *exec.Cmd) { c.Env = prepend(c.Env, "PATH", "/w/node_modules/.bin:") },
	} {
		t.Run(claim, func(t *testing.T) {
			for _, probe := range probes {
				var seen [2]string
				for i, g := range []*testGuard{nil, g} {
					c := g.shell(probe)
					prepare(c)
					out := start(t, c)
					pid := itoa(c.Process.Pid)
					if status := end(t, c); status != "exit 0" {
						t.Fatal(status, out)
					}
					seen[i] = strings.ReplaceAll(out.String(), pid, "PID")
					if strings.Contains(probe, "/fd") {
						seen[i] = changing.ReplaceAllString(seen[i], "$1")
					}
				}
				differ(t, seen[0], seen[1])
			}
		})
	}
}

// differ reports the lines that are not the same.
func differ(t *testing.T, shell, shim string) {
	t.Helper()
	a, b := strings.Split(shell, "\n"), strings.Split(shim, "\n")
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			t.Errorf("under a shell:\n%s\nunder the shim:\n%s", strings.Join(a[min(i, len(a)):], "\n"), strings.Join(b[min(i, len(b)):], "\n"))
			return
		}
	}
}

// prepend puts text before the value of a variable.
func prepend(env []string, name, text string) []string {
	out := append([]string(nil), env...)
	for i, e := range out {
		if rest, ok := strings.CutPrefix(e, name+"="); ok {
			out[i] = name + "=" + text + rest
		}
	}
	return out
}

// around runs the shell from another one, which has prepared something.
func around(prepare string) func(c *exec.Cmd) {
	return func(c *exec.Cmd) {
		c.Args = append([]string{"sh", "-c", prepare + `; sh "$@"; exit $?`, "sh"}, c.Args[1:]...)
		c.Path = "/bin/sh"
	}
}

func TestWaitStatus(t *testing.T) {
	g := guardWith(t, admit)
	var scripts []string
	for code := 0; code < 256; code += 51 {
		scripts = append(scripts, fmt.Sprint("exit ", code))
	}
	for _, signal := range []int{1, 2, 3, 4, 6, 8, 9, 10, 11, 12, 13, 14, 15, 31, 35, 64} {
		scripts = append(scripts, fmt.Sprintf("kill -%d $$", signal))
	}
	scripts = append(scripts, "(sleep 0.1; kill -CONT $$) & kill -STOP $$; exit 3", "sleep 0.1 & exit 4", "nothing-like-this", "exec /nothing")
	for _, script := range scripts {
		t.Run(script, func(t *testing.T) {
			var status [2]string
			for i, g := range []*testGuard{nil, g} {
				c := g.shell(script)
				c.Dir = t.TempDir()
				out := start(t, c)
				status[i] = end(t, c) + "\n" + out.String()
			}
			if status[0] != status[1] {
				t.Errorf("%s under a shell, %s under the shim", status[0], status[1])
			}
		})
	}
}
