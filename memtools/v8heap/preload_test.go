//go:build unix

package v8heap

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestPreloadNeedsNoRun starts Node with what a run gives its processes, when nothing of
// the run can be reached any more. Node must not notice, nor wait.
func TestPreloadNeedsNoRun(t *testing.T) {
	for _, tt := range []struct {
		claim  string
		change func(t *testing.T, s *Server, c *exec.Cmd)
	}{
		{"a process that outlives the run", func(t *testing.T, s *Server, _ *exec.Cmd) {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}},
		{"a script that removes the run's folder", func(t *testing.T, s *Server, _ *exec.Cmd) {
			if err := os.RemoveAll(s.Dir()); err != nil {
				t.Error(err)
			}
		}},
		{"a script that removes the socket alone", func(t *testing.T, s *Server, _ *exec.Cmd) {
			if err := os.Remove(s.socketPath()); err != nil {
				t.Error(err)
			}
		}},
		{"a socket that nothing listens to", func(_ *testing.T, s *Server, _ *exec.Cmd) { _ = s.listener.Close() }},
		{"another user", func(t *testing.T, _ *Server, c *exec.Cmd) {
			if os.Getuid() != 0 {
				t.Skip("only root can become another user")
			}
			c.Path = anyoneMayRun(t, c.Path)
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}},
		{"a socket path that is too long", func(_ *testing.T, _ *Server, c *exec.Cmd) {
			c.Env = append(c.Env, "HEAPMAGE_HEAP_SOCKET=/"+strings.Repeat("x", 300))
		}},
		{"a process without the variables", func(_ *testing.T, _ *Server, c *exec.Cmd) {
			c.Env = append(c.Env, "HEAPMAGE_HEAP_SOCKET=", "HEAPMAGE_TASK=")
		}},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			pathNode(t, func(t *testing.T, node string) {
				s, err := Listen("")
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				c := command(s, node, "-e", "setTimeout(() => console.log('done'), 50)")
				c.Dir = "/"
				tt.change(t, s, c)
				began := time.Now()
				if out, err := c.CombinedOutput(); err != nil || string(out) != "done\n" {
					t.Errorf("%v, %q", err, out)
				}
				if d := time.Since(began); d > 20*time.Second {
					t.Errorf("it took %v", d)
				}
			})
		})
	}
}

// anyoneMayRun returns a link to a program below a folder that every user may enter.
func anyoneMayRun(t *testing.T, program string) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "v8heap-test-") //nolint:usetesting // others may not enter the folders of t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	_ = os.Chmod(dir, 0o755) //nolint:gosec // for other users
	path := filepath.Join(dir, "node")
	if program, err = filepath.EvalSymlinks(program); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(program, path); err != nil {
		text, err := os.ReadFile(program)
		if err == nil {
			err = os.WriteFile(path, text, 0o755) //nolint:gosec // for other users
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestTheFolderOfARelativeTMPDIR(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("rel", 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", "rel")
	s := listen(t)
	if path := strings.TrimPrefix(s.Options()[0], preloadOption); !filepath.IsAbs(s.Dir()) || !filepath.IsAbs(path) {
		t.Errorf("the folder is %s, the preload %s", s.Dir(), path)
	}
}

// TestInstall puts the preload into folders in which others may have prepared something.
func TestInstall(t *testing.T) {
	folder := func(place string) string { return filepath.Join(place, fmt.Sprintf(".heapmage-%d", os.Geteuid())) }
	file := func(place string) string { return filepath.Join(folder(place), preloadName(agent)) }
	for _, tt := range []struct {
		claim   string
		prepare func(place string) error
		refused bool // the next folder is used
	}{
		{"is used if nothing is there", func(string) error { return nil }, false},
		{"is used if every user may add to it, but not replace", func(place string) error { return os.Chmod(place, 0o777|fs.ModeSticky) }, false},
		{"is refused if others may replace what is in it", func(place string) error { return os.Chmod(place, 0o777) }, true},
		{"is refused if it is not there", os.Remove, true},
		{"is refused if a link has the folder's name", func(place string) error { return os.Symlink(t.TempDir(), folder(place)) }, true},
		{"is refused if a file has the folder's name", func(place string) error { return os.WriteFile(folder(place), nil, 0o600) }, true},
		{"is refused if the folder is another user's", func(place string) error {
			if err := os.Mkdir(folder(place), 0o755); err != nil {
				return err
			}
			return os.Chown(folder(place), 65534, 65534) // root only
		}, true},
		{"is refused if a folder has the file's name", func(place string) error { return os.MkdirAll(file(place), 0o755) }, true},
		{"is closed to others", func(place string) error {
			return os.Mkdir(folder(place), 0o777)
		}, false},
		{"is opened for reading", func(place string) error { return os.Mkdir(folder(place), 0o700) }, false},
		{"gets another file in place of half of one", plant(file, func(path string) error { return os.WriteFile(path, agent[:100], 0o644) }), false},
		{"gets another file in place of a changed one", plant(file, func(path string) error {
			return os.WriteFile(path, []byte(strings.Repeat("x", len(agent))), 0o644)
		}), false},
		{"gets another file in place of one that others may change", plant(file, func(path string) error {
			if err := os.WriteFile(path, agent, 0o644); err != nil {
				return err
			}
			return os.Chmod(path, 0o666)
		}), false},
		{"gets another file in place of another user's", plant(file, func(path string) error {
			if err := os.WriteFile(path, agent, 0o644); err != nil {
				return err
			}
			return os.Chown(path, 65534, 65534) // root only
		}), false},
		{"gets another file in place of a link", plant(file, func(path string) error {
			if err := os.WriteFile(path+".x", agent, 0o644); err != nil {
				return err
			}
			return os.Symlink(path+".x", path)
		}), false},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			place, next := filepath.Join(t.TempDir(), "first"), filepath.Join(t.TempDir(), "next")
			for _, dir := range []string{place, next} {
				if err := os.Mkdir(dir, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if err := tt.prepare(place); os.IsPermission(err) {
				t.Skip("only root can give a file away")
			} else if err != nil {
				t.Fatal(err)
			}
			want := file(place)
			if tt.refused {
				want = file(next)
			}
			for range 2 {
				if path, err := install([]string{place, next}); err != nil || path != want {
					t.Fatalf("it stands at %q, %v", path, err)
				}
			}
			dir, err := os.Lstat(filepath.Dir(want))
			if err != nil || dir.Mode() != fs.ModeDir|0o755 || !owned(dir) || !intact(want, agent) {
				t.Errorf("%v, %v, intact %v", dir.Mode(), err, intact(want, agent))
			}
			if entries, err := os.ReadDir(filepath.Dir(want)); err != nil || len(entries) > 2 {
				t.Errorf("%v, %v", entries, err)
			}
		})
	}
	t.Run("says why there is none", func(t *testing.T) {
		if path, err := install([]string{"/no/such", "/nor/this"}); err == nil || !strings.Contains(err.Error(), "/no/such") {
			t.Errorf("%q, %v", path, err)
		}
	})
}

func plant(file func(string) string, write func(path string) error) func(place string) error {
	return func(place string) error {
		if err := os.Mkdir(filepath.Dir(file(place)), 0o755); err != nil {
			return err
		}
		return write(file(place))
	}
}

func TestIsPreload(t *testing.T) {
	s := listen(t)
	if !IsPreload(s.Options()[0]) {
		t.Errorf("%s is none", s.Options()[0])
	}
	for _, other := range []string{"--require=./agent.cjs", "--require=/var/tmp/.heapmage-0/other.cjs", "--import=/var/tmp/.heapmage-0/agent-0123456789ab.cjs", ""} {
		if IsPreload(other) {
			t.Errorf("%s is one", other)
		}
	}
}

// A package's test may depend on the limits that it gives its threads.
const threads = `
const { Worker } = require('worker_threads');
const grow = 'const kept = []; for (let i = 0; i < 80; i++) kept.push(new Array(131072).fill(1.5)); require("worker_threads").parentPort.postMessage("grew")';
const one = (options) => new Promise((resolve) => new Worker(grow, { eval: true, ...options }).on('message', resolve).on('error', (e) => resolve(e.code)));
(async () => {
  console.log(await one({ resourceLimits: { maxOldGenerationSizeMb: 16 } }));
  console.log(await one({}), await one({ resourceLimits: { stackSizeMb: 4 } }));
  const w = new Worker('', { eval: true });
  console.log(w instanceof Worker, w.constructor === Worker, new (class extends Worker {})('', { eval: true }) instanceof Worker, Worker.name);
  console.log(Math.round(require('v8').getHeapStatistics().heap_size_limit / 2 ** 20) < 1000);
  console.log((await import('node:worker_threads')).Worker === Worker);
  for (const bad of [[], ['', null], ['x.js', 1], ['', { eval: true, resourceLimits: 1 }]]) try { new Worker(...bad); console.log('made') } catch (e) { console.log(e.code || e.name) }
})()`

func TestWorkerThreadsKeepTheirLimits(t *testing.T) {
	const kept = "ERR_WORKER_OUT_OF_MEMORY\ngrew grew\ntrue true true Worker\ntrue\ntrue\n"
	for _, tt := range []struct {
		claim string
		flags string // in NODE_OPTIONS
		args  []string
		ours  string
		want  string
	}{
		{"of a limit that is ours", "--max-old-space-size=700", nil, "700", kept},
		{"not of one of the user, which goes before them", "--max-old-space-size=700", nil, "", "grew\n"},
		{"nor of one that the script adds", "--max-old-space-size=700 --max_old_space_size=701", nil, "700", "grew\n"},
		{"nor of one on the command line", "--max-old-space-size=700", []string{"--max-old-space-size=702"}, "700", "grew\n"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			with := pathNode
			if tt.want == kept {
				with = anyNode
			}
			with(t, func(t *testing.T, node string) {
				c := limited(listen(t), node, tt.flags, tt.ours, append(tt.args, "-e", threads)...)
				out, err := c.CombinedOutput()
				if err != nil || !strings.HasPrefix(string(out), tt.want) {
					t.Errorf("%v, %q", err, out)
				}
			})
		})
	}
	t.Run("also in a thread's own threads, and without the agent", func(t *testing.T) {
		anyNode(t, func(t *testing.T, node string) {
			c := limited(listen(t), node, "--max-old-space-size=700", "700", "-e", "new (require('worker_threads').Worker)("+fmt.Sprintf("%q", threads)+", { eval: true })")
			c.Env = append(c.Env, "HEAPMAGE_HEAP_SOCKET=")
			if out, err := c.CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "ERR_WORKER_OUT_OF_MEMORY\ngrew grew\n") {
				t.Errorf("%v, %q", err, out)
			}
		})
	})
	t.Run("and all else is as without", func(t *testing.T) {
		anyNode(t, func(t *testing.T, node string) {
			with, err := limited(listen(t), node, "--max-old-space-size=700", "700", "-e", threads).CombinedOutput()
			if err != nil {
				t.Fatal(err)
			}
			without, err := command(nil, node, "-e", threads).CombinedOutput() // Node's own limit is above 16 MB and below 1000 MB only on small machines
			if err != nil {
				t.Fatal(err)
			}
			if a, b := lastLines(with, 5), lastLines(without, 5); a != b {
				t.Errorf("with:\n%s\nwithout:\n%s", a, b)
			}
		})
	})
}

// limited is a Node process with the heap limit of flags, of which ours is heapmage's.
func limited(s *Server, node, flags, ours string, args ...string) *exec.Cmd {
	c := command(s, node, args...)
	c.Env = append(c.Env, fmt.Sprintf("NODE_OPTIONS=%s %s", flags, s.Options()[0]), "HEAPMAGE_WORKER_HEAP="+ours)
	return c
}

func lastLines(text []byte, n int) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func TestUnreadable(t *testing.T) {
	const path = "/var/tmp/.heapmage-0/agent-0123456789ab.cjs"
	for _, tt := range []struct {
		claim, output string
		want          bool
	}{
		{"a file that is missing", "node:internal/modules/cjs/loader:1210\n  throw err;\n\nError: Cannot find module '" + path + "'\nRequire stack:\n- internal/preload\n", true},
		{"the permission model", "  code: 'ERR_ACCESS_DENIED',\n  permission: 'FileSystemRead',\n  resource: '" + path + "'\n}\n", true},
		{"the permission model, in colours", "  resource: \x1b[32m'" + path + "'\x1b[39m\n", true},
		{"a file of another user", "Error: EACCES: permission denied, open '" + path + "'", true},
		{"behind much else", strings.Repeat("x", 100_000) + "\nError: Cannot find module '" + path + "'\n", true},
		{"another file", "Error: Cannot find module './agent.cjs'\n", false},
		{"the environment", "NODE_OPTIONS='--require=" + path + "'\n", false},
		{"nothing", "", false},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got := Unreadable(strings.NewReader(tt.output)); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
