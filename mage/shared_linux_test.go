package mage_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/cgrouptest"
	"github.com/heapmage/heapmage/internal/servertest"
	"github.com/heapmage/heapmage/internal/signature"
	"github.com/heapmage/heapmage/internal/testkit"
)

// program is what people without Go run: the targets, with all that a magefile may import.
var program = sync.OnceValues(func() (string, error) {
	name := binary + "-program"
	return name, testkit.Targets(filepath.Join("..", "internal", "release", "program"), name)
})

// team is what machines share: the address of a cache, and keys.
type team struct {
	*testing.T
	address string
	env     []string // credentials of those who may write
	key     signature.Secret
	pull    signature.Secret // none without a tier for pull requests
}

func newTeam(t *testing.T, address string, env []string) *team {
	t.Helper()
	needsNode(t)
	key, err := signature.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return &team{T: t, address: address, env: env, key: key}
}

// taskCount is how many tasks clone makes.
const taskCount = 6

// clone makes a clone of the workspace: a chain of four packages and two beside it. Each build takes some
// memory and time, and writes what it has read.
func (m *team) clone() *clone {
	m.Helper()
	c := &clone{team: m, root: m.TempDir()}
	files := map[string]string{
		"package.json": `{"name": "top", "private": true, "workspaces": ["packages/*"]}`, "node_modules/.keep": "",
		".gitignore": "node_modules\ndist\n.heapmage\n", "heapmage.yaml": m.settings(),
		"build.js": `
const fs = require("fs");
const held = Buffer.alloc(80 << 20, 1);
const text = process.argv.slice(2).map((n) => fs.readFileSync(n, "utf8")).join("") + fs.readFileSync("src.txt", "utf8");
fs.mkdirSync("dist", {recursive: true});
for (const end = Date.now() + 100; Date.now() < end; ) {}
fs.writeFileSync("dist/out.txt", text + held[0] + "\n");
`,
	}
	for i, name := range []string{"a", "b", "c", "d", "x", "y"} {
		script, needs := "node ../../build.js", `{}`
		if i > 0 && i < 4 {
			before := string(rune('a' + i - 1))
			script += " ../" + before + "/dist/out.txt"
			needs = fmt.Sprintf(`{%q: "*"}`, before)
		}
		files["packages/"+name+"/package.json"] = fmt.Sprintf(`{"name": %q, "scripts": {"build": %q}, "dependencies": %s}`, name, script, needs)
		files["packages/"+name+"/src.txt"] = name + "\n"
	}
	writeFiles(m.T, c.root, files)
	git := exec.Command("git", "init", "-q", ".")
	git.Dir = c.root
	if out, err := git.CombinedOutput(); err != nil {
		m.Fatalf("%v: %s", err, out)
	}
	return c
}

// settings are the heapmage.yaml of all clones.
func (m *team) settings() string {
	pull := ""
	if !m.pull.IsZero() {
		pull = m.pull.Public().String()
	}
	return fmt.Sprintf("cache: {remote: %q, keys: [%q], pullKeys: [%s]}\n", m.address, m.key.Public(), pull)
}

// clone is one of the machines.
type clone struct {
	*team
	root  string
	group *cgrouptest.Group // nil without one
	env   []string          // beside the credentials
}

// build builds, with the key if it writes, and must succeed.
func (c *clone) build(writes bool, args ...string) string {
	c.Helper()
	out, err := c.try(writes, args...)
	if err != nil {
		c.Fatalf("%v\n%s", err, out)
	}
	return out
}

func (c *clone) try(writes bool, args ...string) (string, error) {
	c.Helper()
	bin, err := program()
	if err != nil {
		c.Fatal(err)
	}
	if len(args) == 0 {
		args = []string{"build"}
	}
	words := append([]string{bin}, args...)
	if c.group != nil {
		words = c.group.Command(words...)
	}
	run := exec.Command(words[0], words[1:]...)
	run.Dir = c.root
	run.Env = append(os.Environ(), "NO_COLOR=1", "CI=", "HEAPMAGE_CACHE_WRITE=never")
	run.Env = append(run.Env, c.team.env...)
	if writes {
		run.Env = append(run.Env, "HEAPMAGE_CACHE_WRITE=always", "HEAPMAGE_CACHE_SIGNING_KEY="+c.key.Text())
	}
	run.Env = append(run.Env, c.env...)
	var out bytes.Buffer
	run.Stdout, run.Stderr = &out, &out
	err = run.Run()
	if text := out.String(); strings.Contains(text, c.key.Text()) || strings.Contains(text, "turbo-secret") {
		c.Errorf("a credential is in the log:\n%s", text)
	}
	return out.String(), err
}

var started = regexp.MustCompile(`📦 Building package: (\w+)\.\.\.`)

// ran are the packages that a build has built, by name.
func ran(out string) string {
	var names []string
	for _, line := range started.FindAllStringSubmatch(out, -1) {
		names = append(names, line[1])
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// outputs are the files of all outputs, by their names.
func (c *clone) outputs() map[string]string {
	c.Helper()
	all := map[string]string{}
	found, err := filepath.Glob(filepath.Join(c.root, "packages/*/dist/*"))
	if err != nil {
		c.Fatal(err)
	}
	for _, name := range found {
		text, err := os.ReadFile(name)
		if err != nil {
			c.Fatal(err)
		}
		rel, _ := filepath.Rel(c.root, name)
		all[rel] = string(text)
	}
	return all
}

// alone is what one machine without a cache makes.
func (m *team) alone() map[string]string {
	m.Helper()
	c := m.clone()
	c.env = []string{"HEAPMAGE_CACHE=off"}
	c.build(false)
	all := c.outputs()
	if len(all) != taskCount {
		m.Fatalf("%v", all)
	}
	return all
}

func (c *clone) same(want map[string]string) {
	c.Helper()
	if got := c.outputs(); !maps.Equal(got, want) {
		c.Errorf("the outputs are %q, want %q", got, want)
	}
}

// servers are those that a shared cache can be on.
var servers = map[string]func(testing.TB) *servertest.Server{"Turborepo's": servertest.Turborepo, "Bazel's": servertest.Bazel, "S3": servertest.S3}

// TestSharedCacheOnServers: what one machine has built, others take, in limits of their own; whatever happens
// to the server, builds are green and right.
func TestSharedCacheOnServers(t *testing.T) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			needsNode(t)
			s := start(t)
			m := newTeam(t, s.Address, s.Env)
			want := m.alone()
			a := m.clone()
			a.group = cgrouptest.New(t, 500<<20)
			if out := a.build(true); !strings.Contains(out, fmt.Sprintf("Shared cache: %d results stored", taskCount)) {
				t.Errorf("they are not stored:\n%s", out)
			}
			b := m.clone()
			b.group = cgrouptest.New(t, 500<<20)
			out := b.build(false)
			if b.same(want); strings.Count(out, "restored from shared cache") != taskCount || ran(out) != "" {
				t.Errorf("%s", out)
			}
			t.Run("a change runs what it affects, and is shared", func(t *testing.T) {
				b, c := m.clone(), m.clone()
				for _, one := range []*clone{b, c} {
					writeFiles(t, one.root, map[string]string{"packages/c/src.txt": "changed\n"})
				}
				if out := b.build(true); ran(out) != "c d" {
					t.Errorf("%s", out)
				}
				if out := c.build(false); ran(out) != "" {
					t.Errorf("%s", out)
				}
				c.same(b.outputs())
			})
			t.Run("a wrong credential", func(t *testing.T) {
				c := m.clone()
				c.env = s.WrongEnv()
				out := c.build(true)
				if c.same(want); strings.Count(out, "⚠️") < 1 || !strings.Contains(out, "is not used any more") || strings.Contains(out, "-wrong") {
					t.Errorf("%s", out)
				}
			})
			t.Run("it is killed while it is in use", func(t *testing.T) {
				c := m.clone()
				done := make(chan struct{})
				go func() {
					defer close(done)
					time.Sleep(150 * time.Millisecond)
					s.Kill()
				}()
				c.build(true)
				<-done
				c.same(want)
			})
			t.Run("it is gone", func(t *testing.T) {
				c := m.clone()
				out := c.build(true)
				if c.same(want); !strings.Contains(out, "is not used any more") || ran(out) == "" {
					t.Errorf("%s", out)
				}
			})
		})
	}
}

// TestSharedCacheThatMisbehaves: a real server behind something that spoils its answers.
func TestSharedCacheThatMisbehaves(t *testing.T) {
	needsNode(t)
	s := servertest.Turborepo(t)
	behind, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	var spoil atomic.Value // of func(http.ResponseWriter, *http.Request, http.Handler)
	proxy := httputil.NewSingleHostReverseProxy(behind)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		spoil.Load().(func(http.ResponseWriter, *http.Request, http.Handler))(w, r, proxy)
	}))
	t.Cleanup(func() { front.CloseClientConnections(); front.Close() })
	m := newTeam(t, strings.Replace(s.Address, s.URL, front.URL, 1), s.Env)
	through := func(w http.ResponseWriter, r *http.Request, next http.Handler) { next.ServeHTTP(w, r) }
	spoil.Store(through)
	want := m.alone()
	m.clone().build(true)

	leaks := make(chan string, 100)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if token := r.Header.Get("Authorization"); token != "" {
			leaks <- token
		}
	}))
	t.Cleanup(elsewhere.Close)
	status := func(code int) func(http.ResponseWriter, *http.Request, http.Handler) {
		return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(code) }
	}
	// body has something happen to the bodies of answers.
	body := func(change func(whole []byte) []byte) func(http.ResponseWriter, *http.Request, http.Handler) {
		return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, r)
			whole := answer.Body.Bytes()
			if r.Method == http.MethodGet && answer.Code == http.StatusOK {
				whole = change(whole)
			}
			w.WriteHeader(answer.Code)
			_, _ = w.Write(whole) // the client may have gone
		}
	}
	for claim, do := range map[string]func(http.ResponseWriter, *http.Request, http.Handler){
		"500": status(500),
		"401": status(401),
		"403": status(403),
		"412": status(412),
		"a redirect to itself": func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, r.URL.String(), http.StatusFound)
		},
		"a redirect elsewhere": func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		},
		"bodies that end early": body(func(whole []byte) []byte { return whole[:len(whole)*2/3] }),
		"bodies that go on":     body(func(whole []byte) []byte { return append(whole, make([]byte, 10<<20)...) }),
		"bodies that were changed": body(func(whole []byte) []byte {
			whole[len(whole)-1] ^= 1
			return whole
		}),
		"the same body for all": func() func(http.ResponseWriter, *http.Request, http.Handler) {
			var first atomic.Pointer[[]byte]
			return body(func(whole []byte) []byte {
				first.CompareAndSwap(nil, &whole)
				return *first.Load()
			})
		}(),
		"no answer": func(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() },
		"answers that stall": func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			w.WriteHeader(http.StatusOK)
			_, _ = io.WriteString(w, "\xff\x06\x00\x00") // the client may have gone
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
		"connections that are cut": func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_ = conn.(*net.TCPConn).SetLinger(0)
				_ = conn.Close() // that is the point
			}
		},
	} {
		t.Run(claim, func(t *testing.T) {
			spoil.Store(do)
			defer spoil.Store(through)
			c := m.clone()
			began := time.Now()
			out := c.build(true)
			t.Logf("%.1f s: %s", time.Since(began).Seconds(), strings.Join(regexp.MustCompile(`.*hared cache.*`).FindAllString(out, -1), "; "))
			c.same(want)
		})
	}
	select {
	case token := <-leaks:
		t.Errorf("another server got the credential %q", token)
	default:
	}
	t.Run("and nothing of that has stayed", func(t *testing.T) {
		c := m.clone()
		if out := c.build(false); ran(out) != "" {
			t.Errorf("%s", out)
		}
		c.same(want)
	})
}

// TestShards: two runners, each a clone in a cgroup of its own, with one server between them, leave together
// what one machine leaves, whether they run one after the other or at once.
func TestShards(t *testing.T) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			needsNode(t)
			s := start(t)
			m := newTeam(t, s.Address, s.Env)
			want := m.alone()
			const limit = 400 // MB
			planner := m.clone()
			planner.commit()
			planner.env = []string{"HEAPMAGE_CACHE_REMOTE=file:unused", "HEAPMAGE_CACHE_WRITE=never"} // nothing is known
			planner.learn()
			matrix := []string{"ci:matrix", "-runners=2", fmt.Sprintf("-memory=%dMB", limit), "-cpus=1", "-setup=0s", "-plan=plan.json", "-format=github"}
			if out := planner.build(false, matrix...); !strings.Contains(out, `"shard":"2/2"`) {
				t.Fatalf("it is not divided:\n%s", out)
			}
			plan, err := os.ReadFile(filepath.Join(planner.root, "plan.json"))
			if err != nil {
				t.Fatal(err)
			}
			// shard runs a shard in a clone, and returns what it has left and what has run.
			shard := func(n int) (left map[string]string, names string) {
				c := m.clone()
				c.commit()
				writeFiles(t, c.root, map[string]string{"../plan.json": string(plan)})
				c.group = cgrouptest.New(t, limit<<20)
				out := c.build(true, "build", fmt.Sprintf("-shard=%d/2", n), "-plan=../plan.json")
				if kills := c.group.Kills(); kills != 0 {
					t.Errorf("the kernel has killed %d processes:\n%s", kills, out)
				}
				return c.outputs(), ran(out)
			}
			together := func(parts ...map[string]string) {
				t.Helper()
				all := map[string]string{}
				for _, part := range parts {
					for name, text := range part {
						if before, ok := all[name]; ok && before != text {
							t.Errorf("%s is %q and %q", name, before, text)
						}
						all[name] = text
					}
				}
				if !maps.Equal(all, want) {
					t.Errorf("together they have left %q, want %q", all, want)
				}
			}
			t.Run("at once", func(t *testing.T) {
				var parts [2]map[string]string
				var group sync.WaitGroup
				for n := range parts {
					group.Go(func() { parts[n], _ = shard(n + 1) })
				}
				group.Wait()
				together(parts[:]...)
			})
			t.Run("once more, when all is known", func(t *testing.T) {
				one, first := shard(1)
				two, second := shard(2)
				if together(one, two); first+second != "" {
					t.Errorf("%q and %q ran", first, second)
				}
			})
			t.Run("one after the other", func(t *testing.T) {
				m.key = newSecret(t) // nothing that is there counts
				planner.sh("rm plan.json")
				writeFiles(t, planner.root, map[string]string{"heapmage.yaml": m.settings()})
				planner.commit()
				planner.build(false, matrix...)
				if plan, err = os.ReadFile(filepath.Join(planner.root, "plan.json")); err != nil {
					t.Fatal(err)
				}
				one, first := shard(1)
				two, second := shard(2)
				together(one, two)
				names := strings.Fields(first + " " + second)
				slices.Sort(names)
				if got := strings.Join(names, " "); got != "a b c d x y" {
					t.Errorf("%q and %q ran: each task is to run once", first, second)
				}
			})
		})
	}
}

// learn has the history know tasks that are worth a second runner: two that take as long as the chain.
func (c *clone) learn() {
	c.Helper()
	var tasks []string
	for i, name := range []string{"a", "b", "c", "d", "x", "y"} {
		seconds := 2
		if i > 3 {
			seconds = 8
		}
		tasks = append(tasks, fmt.Sprintf(`"%s#build": [{"time": "2026-11-27T00:00:00Z", "outcome": "succeeded", "peak": "100MB", "duration": "%ds", "cpu": "%ds", "heapLimit": "4096MB", "tool": "node", "versions": "node 20.20.2"}]`, name, seconds, seconds))
	}
	dir := c.TempDir()
	writeFiles(c.T, dir, map[string]string{"history.json": `{"heapmageHistory": 1, "tasks": {` + strings.Join(tasks, ",") + `}}`})
	c.build(false, "memory:import", "-file="+filepath.Join(dir, "history.json"))
}

// commit commits all that is there, always in the same way.
func (c *clone) commit() {
	c.Helper()
	c.sh("git add -A && GIT_AUTHOR_DATE=2026-11-27T00:00:00Z GIT_COMMITTER_DATE=2026-11-27T00:00:00Z git -c user.name=n -c user.email=n@example.com commit -qm one --amend 2>/dev/null || " +
		"GIT_AUTHOR_DATE=2026-11-27T00:00:00Z GIT_COMMITTER_DATE=2026-11-27T00:00:00Z git -c user.name=n -c user.email=n@example.com commit -qm one")
}

func (c *clone) sh(text string) {
	c.Helper()
	run := exec.Command("sh", "-ec", text)
	run.Dir = c.root
	if out, err := run.CombinedOutput(); err != nil {
		c.Fatalf("%s: %v\n%s", text, err, out)
	}
}
