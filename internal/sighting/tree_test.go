package sighting

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/proctable"
	"github.com/heapmage/heapmage/internal/workspace"
)

// machine is a table of processes in a test.
type machine struct {
	processes map[int]*process
	begun     []int
	last      int
	start     uint64
	tree      *tree
	now       time.Time
}

type process struct {
	proctable.Process
	args      []string
	folder    string
	program   string
	variables map[string]string
	first     *process // the parent that started it
	age       int      // in looks
	looks     int      // since its last exec
	execs     int
}

const (
	rootPID  = 100
	interval = 20 * time.Millisecond
)

func newMachine() *machine {
	m := &machine{processes: map[int]*process{}, last: rootPID - 1}
	w := &workspace.Workspace{Root: "/ws", RootPackage: &workspace.Package{Name: "root", Dir: ".", Path: "/ws"}}
	for _, p := range []string{"api", "core", "web"} {
		w.Packages = append(w.Packages, &workspace.Package{Name: p, DeclaredName: p, Dir: "packages/" + p, Path: "/ws/packages/" + p, Scripts: map[string]string{"build": "tsc -p ."}})
	}
	m.tree = newTree(m, rootPID, w, "/shim/sh")
	m.fork(0)
	return m
}

// fork begins a copy of a process.
func (m *machine) fork(parent int) int {
	m.last++
	return m.reuse(m.last, parent)
}

func (m *machine) reuse(pid, parent int) int {
	m.start++
	p := &process{folder: "/ws"}
	if from := m.processes[parent]; from != nil {
		*p = *from
		p.first = from
	}
	p.Identity, p.PPID = proctable.Identity{PID: pid, Start: m.start}, parent
	p.age, p.looks, p.execs = 0, 0, 0
	m.processes[pid] = p
	m.begun = append(m.begun, pid)
	return pid
}

// exec has a process run another program, in a folder below the workspace.
func (m *machine) exec(pid int, folder string, args ...string) {
	p := m.processes[pid]
	m.start++
	p.Image, p.args, p.folder, p.program = m.start, args, path.Join("/ws", folder), args[0]
	p.looks, p.execs = 0, p.execs+1
}

// run starts a program.
func (m *machine) run(parent int, folder string, args ...string) int {
	pid := m.fork(parent)
	m.exec(pid, folder, args...)
	return pid
}

func (m *machine) exit(pid int) {
	delete(m.processes, pid)
	for _, p := range m.processes {
		if p.PPID == pid {
			p.PPID = 1
		}
	}
}

func (m *machine) look(given ...int) string {
	admitted := map[proctable.Identity]bool{}
	for _, pid := range given {
		admitted[m.processes[pid].Identity] = true
	}
	s := m.sight(admitted)
	var all []string
	for i, units := range [][]Unit{s.Began, s.Ended, s.Divided} {
		for _, u := range units {
			all = append(all, fmt.Sprintf("%c%d %s: %s", "+-/"[i], u.Leader.PID, u.Folder, u.Command))
		}
	}
	return strings.Join(all, ", ")
}

func (m *machine) sight(admitted map[proctable.Identity]bool) Sighted {
	var births []proctable.Process
	for _, pid := range m.begun {
		if p := m.processes[pid]; p != nil {
			births = append(births, p.Process)
		}
	}
	m.begun = nil
	for _, p := range m.processes {
		p.age++
		p.looks++
	}
	m.now = m.now.Add(interval)
	return m.tree.look(m.now, births, admitted)
}

func (m *machine) process(pid int) (proctable.Process, bool) {
	p := m.processes[pid]
	if p == nil {
		return proctable.Process{}, false
	}
	return p.Process, true
}
func (m *machine) exists(pid int) bool { return m.processes[pid] != nil }
func (m *machine) arguments(pid int) []string {
	if p := m.processes[pid]; p != nil {
		return p.args
	}
	return nil
}

func (m *machine) folder(pid int) string {
	if p := m.processes[pid]; p != nil {
		return p.folder
	}
	return ""
}

func (m *machine) executable(pid int) string {
	if p := m.processes[pid]; p != nil {
		return p.program
	}
	return ""
}

func (m *machine) watch(string) {}

func (m *machine) variable(pid int, name string) string {
	if p := m.processes[pid]; p != nil {
		return p.variables[name]
	}
	return ""
}

func TestTree(t *testing.T) {
	for claim, test := range map[string]func(m *machine, expect func(string, string)){
		"a program that make starts is a unit from its exec to its end": func(m *machine, expect func(string, string)) {
			m.exec(rootPID, "", "make", "-j4")
			child := m.fork(rootPID)
			expect(m.look(), "")
			m.exec(child, "packages/core", "node", "/ws/node_modules/.bin/tsc", "-p", ".")
			expect(m.look(), "+101 packages/core: tsc -p .")
			m.run(child, "packages/core", "node", "worker.js")
			expect(m.look(), "")
			m.exit(child)
			expect(m.look(), "-101 packages/core: tsc -p .")
			expect(m.look(), "")
		},
		"a shell leads the unit of what it starts": func(m *machine, expect func(string, string)) {
			m.exec(rootPID, "", "make", "-j4")
			sh := m.run(rootPID, "", "/bin/sh", "-c", "tsc -p . && node x.js")
			tsc := m.run(sh, "", "node", "/ws/node_modules/.bin/tsc", "-p", ".")
			expect(m.look(), "+101 .: tsc -p .; node x.js")
			m.exit(tsc)
			m.run(sh, "", "node", "x.js")
			expect(m.look(), "")
			m.exit(sh)
			expect(m.look(), "-101 .: tsc -p .; node x.js")
		},
		"a shell that calls exec is known by the program": func(m *machine, expect func(string, string)) {
			m.exec(rootPID, "", "make", "-j4")
			sh := m.run(rootPID, "", "/bin/bash", "-c", "tsc -p $DIR")
			expect(m.look(), "")
			m.exec(sh, "", "node", "/ws/node_modules/.bin/tsc", "-p", "x")
			expect(m.look(), "+101 .: tsc -p x")
		},
		"yarn 4's wrapper of a program is known by that program": func(m *machine, expect func(string, string)) {
			m.exec(rootPID, "", "node", "yarn.js", "workspaces", "foreach")
			tsc := m.run(rootPID, "packages/core", "sh", "/tmp/xfs-1a2b3c4d/tsc", "-p", ".")
			expect(m.look(), "+101 packages/core: tsc -p .")
			m.exec(tsc, "packages/core", "node", "/ws/node_modules/.bin/tsc", "-p", ".")
			expect(m.look(), "")
		},
		"a program that is slow to start is known by it": func(m *machine, expect func(string, string)) {
			m.exec(rootPID, "", "make", "-j4")
			child := m.run(rootPID, "packages/core", "tsc")
			m.processes[child].args = nil // the kernel is in the middle of the exec
			expect(m.look(), "")
			expect(m.look(), "")
			m.processes[child].args = []string{"tsc", "-p", "."}
			expect(m.look(), "+101 packages/core: tsc -p .")
		},
		"a shell that starts launchers hands out": func(m *machine, expect func(string, string)) {
			m.exec(rootPID, "", "sh", "-c", "make -C a & make -C b; wait")
			a := m.run(rootPID, "", "make", "-C", "a")
			m.run(a, "packages/web", "gcc", "x.c")
			m.run(rootPID, "", "rm", "x")
			expect(m.look(), "+102 packages/web: gcc x.c, +103 .: rm x")
		},
		"a fork of a launcher that has just replaced its shell is not taken for a launcher": func(m *machine, expect func(string, string)) {
			m.exec(rootPID, "", "/bin/sh", "-c", "wireit")
			expect(m.look(), "")
			m.exec(rootPID, "", "node", "node_modules/wireit/bin/wireit.js")
			sh := m.fork(rootPID)
			expect(m.look(), "") // it is about to call exec
			m.exec(sh, "", "/bin/sh", "-c", "a && b")
			m.run(sh, "", "node", "a")
			expect(m.look(), "+101 .: a; b")
		},
		"a subshell hands out": func(m *machine, expect func(string, string)) {
			m.exec(rootPID, "", "sh", "-c", "(make a; tsc) & make b")
			sub := m.fork(rootPID)
			expect(m.look(), "")
			m.run(sub, "", "node", "x.js")
			expect(m.look(), "+102 .: node x.js")
		},
		"a script of a shell that turns out to start a launcher is divided": func(m *machine, expect func(string, string)) {
			m.exec(rootPID, "", "make", "all")
			sh := m.run(rootPID, "", "bash", "all.sh")
			m.run(sh, "", "node", "x.js")
			expect(m.look(), "+101 .: bash all.sh")
			npm := m.run(sh, "", "npm run build")
			m.run(npm, "packages/api", "node", "y.js")
			expect(m.look(), "+102 .: node x.js, +104 packages/api: node y.js, /101 .: bash all.sh")
		},
		"a leader that turns into a launcher is divided": func(m *machine, expect func(string, string)) {
			m.exec(rootPID, "", "make", "all")
			sh := m.run(rootPID, "", "bash", "all.sh")
			m.run(sh, "", "node", "x.js")
			expect(m.look(), "+101 .: bash all.sh")
			m.exec(sh, "", "make", "more")
			expect(m.look(), "+102 .: node x.js, /101 .: bash all.sh")
		},
		"a tool that calls a launcher stays one unit": func(m *machine, expect func(string, string)) {
			m.exec(rootPID, "", "npm run test")
			jest := m.run(rootPID, "packages/core", "node", "/ws/node_modules/.bin/jest")
			npx := m.run(jest, "packages/core", "npm exec x")
			m.run(npx, "packages/core", "node", "x.js")
			expect(m.look(), "+101 packages/core: jest")
			expect(m.look(), "")
		},
		"a program whose children work in two other packages is divided": func(m *machine, expect func(string, string)) {
			m.exec(rootPID, "", "node", "all.js")
			expect(m.look(), "+100 .: node all.js")
			m.run(rootPID, "packages/api", "node", "a.js")
			m.run(rootPID, "packages/api/src", "node", "b.js")
			m.run(rootPID, "", "node", "c.js")
			expect(m.look(), "")
			m.run(rootPID, "packages/core", "sh", "-c", "tsc -p .")
			m.run(104, "packages/core", "tsc", "-p", ".")
			expect(m.look(), "+101 packages/api: node a.js, +102 packages/api/src: node b.js, +103 .: node c.js, +104 packages/core: tsc -p ., /100 .: node all.js")
		},
		"workers of an installed tool are no tasks wherever they work": func(m *machine, expect func(string, string)) {
			m.exec(rootPID, "", "node", "/ws/node_modules/vitest/vitest.mjs")
			for _, p := range []string{"packages/api", "packages/core", "packages/web"} {
				m.run(rootPID, p, "node", "/ws/node_modules/vitest/worker.js")
			}
			expect(m.look(), "+100 .: vitest")
			expect(m.look(), "")
		},
		"what is admitted is left out, and divides": func(m *machine, expect func(string, string)) {
			m.exec(rootPID, "", "make", "all")
			build := m.run(rootPID, "", "node", "build.js")
			expect(m.look(), "+101 .: node build.js")
			shim := m.run(build, "packages/core", "/shim/sh", "-c", "tsc")
			m.run(shim, "packages/core", "node", "tsc.js")
			m.run(build, "", "node", "other.js")
			expect(m.look(shim), "+104 .: node other.js, /101 .: node build.js")
			expect(m.look(shim), "")
		},
		"what is admitted no longer hands out": func(m *machine, expect func(string, string)) {
			m.exec(rootPID, "", "npm run all")
			shim := m.run(rootPID, "", "/shim/sh", "-c", "node all.js")
			expect(m.look(), "")
			js := m.run(shim, "", "node", "all.js")
			inner := m.run(js, "", "node", "inner.js")
			expect(m.look(shim), "")
			expect(m.look(), fmt.Sprintf("+%d .: node all.js", js))
			m.exit(inner)
			m.exit(js)
			expect(m.look(), fmt.Sprintf("-%d .: node all.js", js))
		},
		"what a task leaves running is no task": func(m *machine, expect func(string, string)) {
			m.exec(rootPID, "", "make", "all")
			shim := m.run(rootPID, "", "/shim/sh", "-c", "tsc")
			left := m.run(shim, "", "node", "server.js")
			task := m.run(rootPID, "", "node", "task.js")
			other := m.run(task, "", "node", "server.js")
			expect(m.look(shim), "+103 .: node task.js")
			m.exit(shim)
			m.exit(task)
			m.run(left, "packages/core", "node", "x.js")
			m.run(other, "packages/core", "node", "x.js")
			expect(m.look(), "-103 .: node task.js")
			expect(m.look(), "")
		},
		"a shim that passes is what it runs then": func(m *machine, expect func(string, string)) {
			m.exec(rootPID, "", "npm exec tsc")
			shim := m.run(rootPID, "", "/shim/sh", "-c", "tsc")
			expect(m.look(), "")
			expect(m.look(), "")
			m.exec(shim, "", "/bin/dash", "-c", "tsc")
			m.run(shim, "", "node", "/ws/node_modules/.bin/tsc")
			expect(m.look(), "+101 .: tsc")
		},
		"a number that is used again is another process": func(m *machine, expect func(string, string)) {
			m.exec(rootPID, "", "make", "-j")
			a := m.run(rootPID, "", "node", "a.js")
			expect(m.look(), "+101 .: node a.js")
			m.exit(a)
			m.reuse(a, rootPID)
			m.exec(a, "", "node", "b.js")
			expect(m.look(), "+101 .: node b.js, -101 .: node a.js")
		},
		"a runner's helpers and daemons are no tasks": func(m *machine, expect func(string, string)) {
			m.exec(rootPID, "", "node", "/ws/node_modules/nx/bin/nx.js", "run-many")
			m.run(rootPID, "", "git", "ls-files")
			m.run(rootPID, "", "node", "/ws/node_modules/nx/dist/src/daemon/server/start.js")
			plugin := m.run(rootPID, "", "node", "/ws/node_modules/nx/src/project-graph/plugins/isolation/plugin-worker", "/tmp/x.sock")
			m.run(plugin, "", "node", "x.js")
			m.run(rootPID, "", "/ws/node_modules/@esbuild/linux-x64/bin/esbuild", "--service=0.28.2", "--ping")
			expect(m.look(), "")
			expect(m.look(), "")
		},
		"an executor of Nx is a unit, by Nx's name for it": func(m *machine, expect func(string, string)) {
			m.exec(rootPID, "", "node", "/ws/node_modules/.bin/nx", "run-many")
			for _, target := range []string{"pack", "build"} {
				pid := m.run(rootPID, "", "node", "/ws/node_modules/nx/bin/run-executor.js")
				m.processes[pid].variables = map[string]string{"NX_TASK_TARGET_PROJECT": "core", "NX_TASK_TARGET_TARGET": target}
			}
			expect(m.look(), "+101 .: nx run core:pack") // build is a script: npm starts it
		},
		"all that ends at once is told": func(m *machine, expect func(string, string)) {
			m.exec(rootPID, "", "make", "-j")
			m.run(rootPID, "", "node", "a.js")
			m.run(rootPID, "", "node", "b.js")
			m.look()
			m.exit(rootPID)
			m.exit(101)
			m.exit(102)
			expect(m.look(), "-101 .: node a.js, -102 .: node b.js")
		},
	} {
		t.Run(claim, func(t *testing.T) {
			test(newMachine(), func(got, want string) {
				t.Helper()
				if got != want {
					t.Errorf("saw  %s\nwant %s", got, want)
				}
			})
		})
	}
}

var programs = [][]string{
	{"make", "-j4"}, {"npm run all"}, {"node", "/ws/node_modules/nx/bin/nx.js"}, {"git", "status"},
	{"node", "x.js"}, {"gcc", "a.c"}, {"bash", "all.sh"}, {"sh", "-c", "tsc -p ."}, {"sh", "-c", "cd packages/api && tsc"},
	{"sh", "-c", "npm run x; make"}, {"/shim/sh", "-c", "tsc"}, {"node", "/ws/node_modules/nx/bin/run-executor.js"}, {"timeout", "5", "node", "y.js"},
}

// TestRandomTrees lets processes begin, run other programs and end at random.
func TestRandomTrees(t *testing.T) {
	seeds := uint64(400)
	if testing.Short() {
		seeds = 50
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 1))
		m := newMachine()
		m.exec(rootPID, "", programs[r.IntN(len(programs))]...)
		live := map[proctable.Identity]*process{} // the leaders of the units
		began := map[proctable.Identity]Unit{}
		given, divided := map[proctable.Identity]bool{}, map[proctable.Identity]bool{}
		for range 60 {
			for range r.IntN(6) {
				step(r, m, given)
			}
			s := m.sight(given)
			for _, u := range slices.Concat(s.Ended, s.Divided) {
				if live[u.Leader] == nil || began[u.Leader] != u {
					t.Fatalf("seed %d: %+v ended, and was none", seed, u)
				}
				delete(live, u.Leader)
			}
			for _, u := range s.Divided {
				divided[u.Leader] = true
			}
			for _, u := range s.Began {
				if live[u.Leader] != nil {
					t.Fatalf("seed %d: %+v began while it lived", seed, u)
				}
				began[u.Leader], live[u.Leader] = u, m.processes[u.Leader.PID]
			}
			holds(t, seed, m, live, given, divided)
		}
		for pid := range m.processes {
			m.exit(pid)
		}
		s := m.sight(given)
		for range seldom / interval { // old processes are looked at seldom
			more := m.sight(given)
			s.Ended = append(s.Ended, more.Ended...)
		}
		if len(s.Ended) != len(live) {
			t.Fatalf("seed %d: %d units ended of %d", seed, len(s.Ended), len(live))
		}
	}
}

// step changes the machine a little.
func step(r *rand.Rand, m *machine, given map[proctable.Identity]bool) {
	pids := make([]int, 0, len(m.processes))
	for pid := range m.processes {
		pids = append(pids, pid)
	}
	slices.Sort(pids)
	if len(pids) == 0 {
		return
	}
	pid := pids[r.IntN(len(pids))]
	folders := []string{"", "packages/api", "packages/core", "packages/web", "../elsewhere"}
	program, folder := programs[r.IntN(len(programs))], folders[r.IntN(len(folders))]
	switch n := r.IntN(12); {
	case n < 5:
		m.run(pid, folder, program...)
	case n < 6:
		m.fork(pid)
	case n < 8:
		m.exec(pid, folder, program...)
	case n < 10:
		m.exit(pid)
		if r.IntN(4) == 0 && pid != rootPID && len(pids) > 1 {
			if parent := pids[r.IntN(len(pids))]; parent != pid {
				m.reuse(pid, parent)
			}
		}
	default:
		if p := m.processes[pid]; p.args[0] == "/shim/sh" {
			given[p.Identity] = true
		} else {
			delete(given, p.Identity)
		}
	}
}

// holds checks what must hold after each look.
func holds(t *testing.T, seed uint64, m *machine, live map[proctable.Identity]*process, given, divided map[proctable.Identity]bool) {
	t.Helper()
	for id, leader := range live {
		if given[id] {
			t.Fatalf("seed %d: %v is admitted, and a unit", seed, id)
		}
		// What is left of a tree whose link to a leader has ended is not within it any more.
		for up := leader.first; up != nil && m.processes[up.PID] == up; up = up.first {
			if live[up.Identity] != nil {
				t.Fatalf("seed %d: unit %v is within %v", seed, id, up.Identity)
			}
		}
	}
	for _, p := range m.processes {
		if p.looks >= 2 && certain(m, p, given) && !divided[p.Identity] && live[p.Identity] == nil {
			t.Fatalf("seed %d: %v %q was lost: %+v", seed, p.Identity, p.args, m.tree.byPID[p.PID])
		}
	}
}

// certain reports whether a process is a task by what it and all above it run: launchers, which
// have not been anything else.
func certain(m *machine, p *process, given map[proctable.Identity]bool) bool {
	plain := func(p *process) bool {
		// An exec late in its life is noticed late.
		return m.processes[p.PID] == p && !given[p.Identity] && p.execs == 1 && (time.Duration(p.age-p.looks+1)*interval < young || time.Duration(p.looks-1)*interval > seldom)
	}
	if !plain(p) || read(p.args).kind != work || p.first == nil {
		return false
	}
	for up := p.first; up != nil; up = up.first {
		if !plain(up) || read(up.args).kind != launcher {
			return false
		}
	}
	return true
}
