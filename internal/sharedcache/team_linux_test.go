package sharedcache_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/heapmage/heapmage/internal/cgrouptest"
	"github.com/heapmage/heapmage/internal/servertest"
	"github.com/heapmage/heapmage/internal/signature"
	"github.com/heapmage/heapmage/internal/testkit"

	// The program is built from these. Imported here, they make the test cache notice their changes.
	_ "github.com/heapmage/heapmage/mage"
	_ "github.com/heapmage/heapmage/mage/build"
	_ "github.com/heapmage/heapmage/mage/remote"
)

// programs is a folder for program.
var programs string

func TestMain(m *testing.M) {
	testkit.OutsideCI()
	code := 1
	var err error
	if programs, err = os.MkdirTemp("", "heapmage-test-"); err == nil {
		code = m.Run()
		err = os.RemoveAll(programs)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// program is what people without Go run: the targets, with all that a magefile may import.
var program = sync.OnceValues(func() (string, error) {
	name := filepath.Join(programs, "heapmage")
	return name, testkit.Targets(filepath.Join("..", "release", "program"), name)
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
	testkit.NeedsNode(t)
	key, err := signature.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return &team{T: t, address: address, env: env, key: key}
}

// newTeamOn starts a server for a team.
func newTeamOn(t *testing.T, start func(testing.TB) *servertest.Server) (*team, *servertest.Server) {
	t.Helper()
	testkit.NeedsNode(t)
	s := start(t)
	return newTeam(t, s.Address, s.Env), s
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
	testkit.WriteAll(m.T, c.root, files)
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
