package selection

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/affected"
	"github.com/heapmage/heapmage/internal/testkit"
	"github.com/heapmage/heapmage/internal/workspace"
)

// tools are the programs whose filters the language is that of.
type tools struct{ turbo, pnpm10, pnpm12 string }

// installTools has npm install them, once, in the user's cache folder.
func installTools(t *testing.T) tools {
	t.Helper()
	if testing.Short() {
		t.Skip("installs and starts turbo and pnpm; left out with -short")
	}
	for _, tool := range []string{"git", "npm", "node"} {
		if _, err := exec.LookPath(tool); err != nil {
			testkit.UnlessCI(t, "there is no "+tool)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "heapmage-test", "selection-1")
	in := func(name string) string { return filepath.Join(dir, "node_modules", ".bin", name) }
	found := tools{in("turbo"), filepath.Join(dir, "node_modules/pnpm10/bin/pnpm.cjs"), filepath.Join(dir, "node_modules/pnpm/bin/pnpm.mjs")}
	if _, err := os.Stat(found.turbo); err != nil {
		testkit.Write(t, dir, "package.json", `{"private": true, "dependencies": {"turbo": "2.11.11", "pnpm10": "npm:pnpm@10.34.9", "pnpm": "12.21.0"}}`)
		c := exec.CommandContext(t.Context(), "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts")
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			testkit.UnlessCI(t, fmt.Sprintf("npm cannot install turbo and pnpm: %v\n%s", err, out))
		}
	}
	return found
}

// names are the tools to ask. pnpm 10 is slow, and asked only if SELECTION_CASES is set.
func (tools) names() []string {
	if os.Getenv("SELECTION_CASES") == "" {
		return []string{"turbo", "pnpm12"}
	}
	return []string{"turbo", "pnpm12", "pnpm10"}
}

// answer is what a tool selects: names in order, or "error".
func (ts tools) answer(t *testing.T, tool, dir string, filters []string) string {
	t.Helper()
	var args []string
	for _, f := range filters {
		args = append(args, "--filter="+f)
	}
	switch tool {
	case "turbo":
		args = append([]string{ts.turbo, "run", "build", "--dry=json"}, args...)
	case "pnpm10":
		args = append(append([]string{"node", ts.pnpm10}, args...), "ls", "--json", "--depth=-1")
	default:
		args = append(append([]string{"node", ts.pnpm12}, args...), "ls", "--json", "--depth=-1")
	}
	c := exec.CommandContext(t.Context(), args[0], args[1:]...)
	c.Dir = dir
	c.Env = append(os.Environ(), "TURBO_TELEMETRY_DISABLED=1", "DO_NOT_TRACK=1", "npm_config_manage_package_manager_versions=false")
	var errors strings.Builder
	c.Stderr = &errors
	text, err := c.Output()
	if err != nil {
		t.Logf("%s %q: %v\n%s%s", tool, filters, err, text, errors.String())
		return "error"
	}
	var names []string
	if tool == "turbo" {
		var run struct{ Packages []string }
		err = json.Unmarshal(text, &run)
		names = run.Packages
	} else if strings.HasPrefix(strings.TrimSpace(string(text)), "[") {
		var all []struct{ Name string }
		err = json.Unmarshal(text, &all)
		for _, p := range all {
			names = append(names, p.Name)
		}
	}
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", tool, filters, err, text)
	}
	for i, name := range names {
		if name == "//" || name == "top" {
			names[i] = "root"
		}
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " ")
}

// answer is what this package selects, as of tools.
func answer(t *testing.T, root, folder string, filters []string) string {
	t.Helper()
	space := open(t, root)
	space.Folder = folder
	space.Changed = func(where string, r Range) (map[*workspace.Package]bool, error) {
		c, err := affected.Between(t.Context(), space.Workspace)(where, r.From, r.To)
		if err != nil {
			return nil, err
		}
		return c.Packages, nil
	}
	found, err := space.Select("-workspace", strings.Join(filters, ","))
	if err != nil {
		t.Log(err)
		return "error"
	}
	var names []string
	for _, p := range found.Packages {
		name := p.DeclaredName
		if p.Dir == "." {
			name = "root"
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// runGit runs Git in a folder, once for each text.
func runGit(t *testing.T, dir string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		c := exec.CommandContext(t.Context(), "git", strings.Fields(text)...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", text, err, out)
		}
	}
}

const commit = "-c user.name=n -c user.email=n@example.com commit -qm x"

// member is a package of a random workspace.
type member struct{ name, dir string }

// random is a random workspace.
type random struct {
	root    string
	members []member
	peers   bool // there are peerDependencies, which turbo ignores
}

// anyWorkspace writes a workspace of up to 200 packages into a repository. It has the branches
// main and topic, which parted at the tag base. On each some packages have changed, and in the
// working tree, which is topic, some others.
func anyWorkspace(t *testing.T, r *rand.Rand) random {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var members []member
	testkit.Write(t, root, "package.json", `{"name": "top", "private": true, "packageManager": "pnpm@10.34.9"}`)
	testkit.Write(t, root, "pnpm-workspace.yaml", `packages: ["apps/*", "libs/*", "libs/*/*"]`)
	testkit.Write(t, root, "turbo.json", `{"tasks": {"build": {}}}`)
	fields := []string{"dependencies", "devDependencies", "optionalDependencies"}
	peers := r.IntN(3) == 0
	if peers {
		fields = append(fields, "peerDependencies")
	}
	n := 2 + r.IntN(40)
	if r.IntN(4) == 0 {
		n = 200
	}
	for i := range n {
		m := member{fmt.Sprintf("p%d", i), fmt.Sprintf("apps/p%d", i)}
		switch r.IntN(3) {
		case 0:
			m.dir = fmt.Sprintf("libs/p%d", i)
		case 1:
			m.dir = fmt.Sprintf("libs/g%d/p%d", r.IntN(4), i)
		}
		if r.IntN(2) == 0 {
			m.name = fmt.Sprintf("@s%d/%s", r.IntN(3), m.name)
		}
		manifest := map[string]any{"name": m.name, "version": "1.0.0", "scripts": map[string]string{"build": "true"}}
		for range min(i, r.IntN(4)) {
			field := fields[r.IntN(len(fields))]
			entries, _ := manifest[field].(map[string]string)
			if entries == nil {
				entries = map[string]string{}
				manifest[field] = entries
			}
			entries[members[r.IntN(i)].name] = "workspace:*"
		}
		text, err := json.Marshal(manifest)
		if err != nil {
			t.Fatal(err)
		}
		testkit.Write(t, root, m.dir+"/package.json", string(text))
		testkit.Write(t, root, m.dir+"/src.js", "")
		members = append(members, m)
	}
	edit := func(text string) {
		for range 1 + r.IntN(3) {
			testkit.Write(t, root, members[r.IntN(n)].dir+"/src.js", text)
		}
	}
	runGit(t, root, "init -q -b main", "add -A", commit, "tag base")
	edit("main")
	runGit(t, root, "add -A", commit, "checkout -q -b topic base")
	edit("topic")
	runGit(t, root, "add -A", commit)
	edit("edited")
	return random{root, members, peers}
}

// anyFilter is a filter that both tools and this package know. The others are in the tables
// of TestDifferences.
type anyFilter struct {
	text                    string
	leavesOut               bool
	dependents, both, below bool
	folderRange             bool
	parted                  bool // it names a commit that HEAD has left behind
}

// newFilter makes a filter that means at least a given package, apart from what has changed.
func newFilter(r *rand.Rand, m member, leavesOut bool) (f anyFilter) {
	pick := func(texts ...string) string { return texts[r.IntN(len(texts))] }
	last := m.name[len(m.name)-1:]
	names := []string{m.name, m.name, m.name, "*", "*" + last, "*p*" + last}
	if scope, short, ok := strings.Cut(m.name, "/"); ok {
		names = append(names, scope+"/*", "@*/"+short[:2]+"*")
	}
	parent := filepath.ToSlash(filepath.Dir(m.dir))
	folders := []string{m.dir, parent + "/*", parent + "/p*" + last, "./" + m.dir, strings.Split(m.dir, "/")[0] + "/**", "./*/**"}
	name, folder, span := "", "", ""
	switch r.IntN(8) {
	case 0, 1, 2:
		name = pick(names...)
	case 3:
		folder = "{" + pick(folders...) + "}"
	case 4:
		name, folder = pick(names...), "{"+pick(folders...)+"}"
	case 5:
		f.leavesOut = leavesOut
		f.text = map[bool]string{true: "!", false: ""}[leavesOut] + "./" + strings.TrimPrefix(pick(folders...), "./")
		return f
	}
	if name+folder == "" || r.IntN(5) == 0 {
		span = pick("[base]", "[main]", "[HEAD]", "[main...topic]", "[topic...main]", "[base...main]")
		f.folderRange, f.parted = folder != "", span == "[main]"
		if f.below = name+folder != "" && r.IntN(2) == 0; f.below {
			span = "..." + span
		}
	}
	before, after := pick("", "", "...", "...^"), pick("", "", "...", "^...")
	f.leavesOut, f.dependents, f.both = leavesOut, before != "", before != "" && after != ""
	f.text = before + name + folder + span + after
	if leavesOut {
		f.text = "!" + f.text
	}
	return f
}

// knows reports whether a tool means the same by filters. None but pnpm 12 counts from where
// branches parted. pnpm does not know "x...[a]", takes the folder before a commit for one in
// which to start Git, and adds with "...x..." also what the dependents need that another
// filter has brought. turbo does not count peerDependencies.
func (w random) knows(tool string, filters []anyFilter) bool {
	dependents := map[bool]bool{}
	for _, f := range filters {
		if f.parted && tool != "pnpm12" {
			return false
		}
		if tool != "turbo" && (f.below || f.folderRange || f.both && dependents[f.leavesOut]) {
			return false
		}
		dependents[f.leavesOut] = dependents[f.leavesOut] || f.dependents
	}
	return tool != "turbo" || !w.peers
}

// TestLikeOthers selects packages of random workspaces with random filters, up to three at
// once, and compares with what turbo and pnpm select. The root is left aside. SELECTION_CASES
// is how many workspaces there are, SELECTION_SEED which.
func TestLikeOthers(t *testing.T) {
	ts := installTools(t)
	number := func(name string, otherwise int) int {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
			return n
		}
		return otherwise
	}
	cases, seed := number("SELECTION_CASES", 2), number("SELECTION_SEED", 1)
	asked := map[string]int{}
	for n := range cases {
		r := rand.New(rand.NewPCG(uint64(seed), uint64(n)))
		w := anyWorkspace(t, r)
		for range 6 {
			var filters []anyFilter
			var texts []string
			for range 1 + r.IntN(3) {
				f := newFilter(r, w.members[r.IntN(len(w.members))], r.IntN(3) == 0)
				filters, texts = append(filters, f), append(texts, f.text)
			}
			slices.SortStableFunc(texts, func(a, b string) int { // pnpm 12 lets a later filter put back
				return strings.Count(a, "!") - strings.Count(b, "!")
			})
			aside := func(text string) string {
				return strings.Join(slices.DeleteFunc(strings.Fields(text), func(name string) bool { return name == "root" }), " ")
			}
			want := aside(answer(t, w.root, "", texts))
			for _, tool := range ts.names() {
				if !w.knows(tool, filters) {
					continue
				}
				asked[tool]++
				if got := aside(ts.answer(t, tool, w.root, texts)); got != want {
					t.Errorf("SELECTION_SEED=%d, case %d: %q of %d packages\n%s: %s\nhere: %s", seed, n, texts, len(w.members), tool, got, want)
				}
			}
			if t.Failed() && testing.Verbose() {
				t.Log(manifests(t, w))
			}
		}
	}
	t.Logf("SELECTION_SEED=%d: %v", seed, asked)
}

// manifests are those of small workspaces.
func manifests(t *testing.T, w random) string {
	t.Helper()
	var all strings.Builder
	for _, m := range w.members[:min(len(w.members), 45)] {
		text, err := os.ReadFile(filepath.Join(w.root, m.dir, "package.json"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "%s: %s\n", m.dir, text)
	}
	return all.String()
}

const both = `
-- package.json --
{"name": "top", "private": true, "packageManager": "pnpm@10.34.9"}
-- pnpm-workspace.yaml --
packages: ["apps/*", "libs/*"]
-- turbo.json --
{"tasks": {"build": {}}}
-- README.md --
-- apps/docs/package.json --
{"name": "docs", "version": "1.0.0"}
-- apps/shop/package.json --
{"name": "shop", "version": "1.0.0", "dependencies": {"@s/api": "workspace:*"}}
-- apps/shop/src/index.js --
-- libs/api/package.json --
{"name": "@s/api", "version": "1.0.0", "dependencies": {"@s/core": "workspace:*"}, "peerDependencies": {"theme": "workspace:*"}}
-- libs/core/package.json --
{"name": "@s/core", "version": "1.0.0"}
-- libs/theme/package.json --
{"name": "theme", "version": "1.0.0"}
-- libs/theme/index.js --
`

// TestDifferences holds the filters by which turbo, pnpm and this package do not all mean the
// same, as docs/selection.md lists them with the reasons. "=" is what this package selects.
func TestDifferences(t *testing.T) {
	ts := installTools(t)
	root := lay(t, both)
	runGit(t, root, "init -q -b main", "add -A", commit, "tag base")
	testkit.Write(t, root, "libs/theme/index.js", "main")
	runGit(t, root, "add -A", commit, "checkout -q -b topic base")
	testkit.Write(t, root, "libs/core/index.js", "")
	runGit(t, root, "add -A", commit)
	const all, others = "@s/api @s/core docs shop theme", "@s/api @s/core shop theme"
	const withRoot, othersRoot = "@s/api @s/core docs root shop theme", "@s/api @s/core root shop theme"
	for _, tt := range []struct {
		claim, folder, edited       string
		filters                     string
		want, turbo, pnpm10, pnpm12 string
	}{
		{"a glob fits the root", "", "", "*", all, withRoot, withRoot, withRoot},
		{"all without one has the root", "", "", "!docs", others, "=", othersRoot, othersRoot},
		{"the root is //", "", "", "//", "root", "=", "", ""},
		{"the root has a name", "", "", "top", "root", "error", "=", "="},
		{"the scope can be left out", "", "", "core", "@s/core", "error", "=", "="},
		{"a glob can leave out the scope", "", "", "c*", "@s/core", "", "=", "="},
		{"a question mark is any character", "", "", "?heme", "theme", "error", "", "="},
		{"a name can be a folder", "", "", "libs/core", "@s/core", "error", "", ""},
		{"also with a glob", "", "", "libs/*", "@s/api @s/core theme", "", "", ""},
		{"a folder has packages in it", "", "", "./apps", "docs shop", "", "", ""},
		{"also if they are left out", "", "", "!./apps", "@s/api @s/core theme", all, withRoot, withRoot},
		{"dots behind a folder", "", "", "./libs/api...", "@s/api @s/core theme", "@s/api @s/core", "@s/api", "@s/api"},
		{"a caret behind a folder", "", "", "./libs/api^...", "@s/core theme", "@s/api @s/core", "@s/api", "@s/api"},
		{"a commit behind a folder", "", "", "./libs/*[base]", "@s/core", "@s/core theme", "@s/core theme", "@s/core theme"},
		{"a commit behind a glob of folders", "", "", "{libs/*}[base]", "@s/core", "=", "error", "="},
		{"a commit that another branch has left behind", "", "", "[main]", "@s/core", "@s/core theme", "@s/core theme", "="},
		{"a commit for what a package needs", "", "", "shop...[base]", "shop", "=", "", ""},
		{"a file of the root", "", "README.md", "[HEAD]", all, "root", "root", "root"},
		{"a new file", "", "libs/api/new.js", "[HEAD]", "@s/api", "=", "", ""},
		{"peerDependencies", "", "", "...theme", "@s/api shop theme", "theme", "=", "="},
		{"what dependents need, of the same filter", "", "", "...@s/api ...docs...", "@s/api docs shop", "=", "@s/api @s/core docs shop theme", "@s/api @s/core docs shop theme"},
		{"what is left out first", "", "", "!docs docs", "", "=", "=", withRoot},
		{"a name that no package has", "", "", "nope", "error", "=", "", ""},
		{"one to leave out", "", "", "!nope", "error", "=", withRoot, withRoot},
		{"a glob that fits no package", "", "", "x*", "error", "", "", ""},
		{"a folder that is not there", "", "", "./nope", "error", "=", "", ""},
		{"a folder outside", "", "", "../x", "error", "=", "", ""},
		{"a dot", "apps/shop", "", ".", "root", "shop", "shop", "shop"},
		{"a dot in braces", "apps/shop", "", "{.}", "shop", "=", "=", "="},
		{"a dot in braces, further below", "apps/shop/src", "", "{.}", "shop", "=", "", "="},
		{"a folder beside this one", "apps/shop", "", "../docs", "docs", "", "=", "="},
		{"the folder around this one", "apps/shop", "", "../*", "docs shop", "shop", "=", "="},
		{"what has changed, from a package", "apps/shop", "", "[base]", "@s/core", "", "=", "="},
		{"what is left, from a package", "apps/shop", "", "!docs", others, "=", othersRoot, othersRoot},
		{"those below this folder", "apps", "", "./*", "docs shop", "=", "=", ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if tt.edited != "" {
				testkit.Write(t, root, tt.edited, "edited")
				defer runGit(t, root, "add -A", "reset -q --hard")
			}
			filters := strings.Fields(tt.filters)
			if got := answer(t, root, tt.folder, filters); got != tt.want {
				t.Errorf("here %q is %q, want %q", tt.filters, got, tt.want)
			}
			for _, tool := range ts.names() {
				want := map[string]string{"turbo": tt.turbo, "pnpm10": tt.pnpm10, "pnpm12": tt.pnpm12}[tool]
				if want == "=" {
					want = tt.want
				}
				if got := ts.answer(t, tool, filepath.Join(root, tt.folder), filters); got != want {
					t.Errorf("for %s %q is %q, want %q", tool, tt.filters, got, want)
				}
			}
		})
	}
}
