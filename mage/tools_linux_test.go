package mage_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

// TestTools edits a workspace of real tools at random. After each edit a build with kept
// results leaves what one from nothing leaves, and runs no task for which all is as it was
// in an earlier build, by what strace saw of it. TOOLS_EDITS is how many edits it makes, and
// TOOLS_SEED which.
func TestTools(t *testing.T) {
	if testing.Short() {
		t.Skip("installs and starts real tools; left out with -short")
	}
	needsNode(t)
	for _, tool := range []string{"strace", "git", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			testkit.UnlessCI(t, "there is no "+tool)
		}
	}
	edits, seed := number(t, "TOOLS_EDITS", 4), number(t, "TOOLS_SEED", 1)
	w := newTooled(t, uint64(seed))
	t.Logf("TOOLS_SEED=%d", seed)
	w.build()
	w.build()
	for range edits {
		w.edit()
		w.build()
		if t.Failed() {
			t.Fatalf("TOOLS_SEED=%d\n%s", seed, strings.Join(w.history, "\n"))
		}
	}
	t.Logf("%d edits; tasks: %d ran, %d were known; clean builds: %d tasks", edits, w.ran, w.known, w.cleaned)
}

func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// member is a package of the workspace, whose build is a real tool.
type member struct {
	name   string
	after  []string
	script string
	// inPlace is set if the tool leaves what it had left before.
	inPlace bool
}

var members = []member{
	{"core", nil, "tsc -p .", false},
	{"util", []string{"core"}, "tsc -p .", true},
	{"plain", []string{"core"}, "node gen.js", false},
	{"style", nil, "mkdir -p dist && eslint src --no-color -o dist/report.txt", false},
	{"app", []string{"core", "util"}, "esbuild src/index.ts --bundle --platform=node --log-level=error --outfile=dist/app.js", false},
}

// tooledFiles are those of the workspace, without the package.json of its packages.
func tooledFiles() map[string]string {
	files := map[string]string{
		".npmrc":        "omit-lockfile-registry-resolved=true\nfund=false\naudit=false\n",
		".gitignore":    "node_modules\ndist\n.heapmage\n.env\nflag\n",
		"heapmage.yaml": "cache: on\n",
		"package.json": `{"name": "tools", "version": "1.0.0", "private": true, "packageManager": "npm@11.0.0", "workspaces": ["packages/*"],
 "devDependencies": {"typescript": "5.9.3", "esbuild": "0.25.10", "eslint": "9.36.0"}}`,
		"packages/app/src/index.ts":        "import { a } from \"@t/core\";\nimport { u } from \"@t/util\";\nconsole.log(a, u);\n",
		"packages/style/eslint.config.mjs": "export default [{ rules: { \"no-unused-vars\": \"warn\" } }];\n",
		"packages/style/src/index.js":      "const unused = 1;\n",
		"packages/style/src/a.js":          "export const a = 1;\n",
		"packages/plain/src/index.ts":      "one\n",
		"packages/plain/gen.js": `const fs = require("fs");
const text = (path) => { try { return fs.readFileSync(path, "utf8"); } catch (e) { return e.code; } };
const out = { mode: process.env.MODE, tiny: require("tiny"), env: text(".env"), flag: fs.existsSync("../../flag"), types: text("../core/dist/index.d.ts"),
  src: fs.readdirSync("src").sort().map((name) => [name, fs.lstatSync("src/" + name).isSymbolicLink() ? fs.readlinkSync("src/" + name) : text("src/" + name)]) };
fs.mkdirSync("dist", { recursive: true });
fs.writeFileSync("dist/out.json", JSON.stringify(out));
`,
	}
	for _, name := range []string{"core", "util"} {
		config := `{"compilerOptions": {"target": "es2022", "module": "nodenext", "types": [], "strict": true, "declaration": true, "skipLibCheck": true, "rootDir": "src", "outDir": "dist"%s}, "include": ["src"]}`
		more := ""
		if name == "util" {
			more = `, "incremental": true, "tsBuildInfoFile": "dist/.tsbuildinfo"`
		}
		files["packages/"+name+"/tsconfig.json"] = fmt.Sprintf(config, more)
		files["packages/"+name+"/src/a.ts"] = "export const a: number = 1;\n"
	}
	files["packages/core/src/index.ts"] = "export * from \"./a.js\";\n"
	files["packages/util/src/index.ts"] = "import { a } from \"@t/core\";\nexport const u: string = String(a);\n"
	return files
}

// manifest is the package.json of a package.
func (m member) manifest(script, version, tiny string) string {
	var needs []string
	for _, n := range m.after {
		needs = append(needs, fmt.Sprintf("%q: \"1.0.0\"", "@t/"+n))
	}
	if m.name == "plain" {
		needs = append(needs, fmt.Sprintf("\"tiny\": \"file:../../vendor/tiny-%s.tgz\"", tiny))
	}
	kind := ""
	if m.name == "core" || m.name == "util" {
		kind = `"type": "module", "types": "dist/index.d.ts", `
	}
	return fmt.Sprintf("{\"name\": %q, \"version\": \"1.0.0\", \"description\": %q, \"private\": true, %s\"main\": \"dist/index.js\", \"scripts\": {\"build\": %q}, \"dependencies\": {%s}}\n",
		"@t/"+m.name, version, kind, script, strings.Join(needs, ", "))
}

// tinyPackage is a packed package that exports its version.
func tinyPackage(t *testing.T, version string) string {
	t.Helper()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	files := tar.NewWriter(z)
	for name, text := range map[string]string{"package/package.json": fmt.Sprintf("{\"name\": \"tiny\", \"version\": %q}", version), "package/index.js": fmt.Sprintf("module.exports = %q;", version)} {
		if err := files.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), Format: tar.FormatUSTAR}); err != nil {
			t.Fatal(err)
		}
		if _, err := files.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := files.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.String()
}

// installedTools returns a folder with the workspace, in which its tools are installed. It
// is kept for later runs.
func installedTools(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "heapmage-test", "tools")
	files := tooledFiles()
	for _, m := range members {
		files["packages/"+m.name+"/package.json"] = m.manifest(m.script, "", "1.0.0")
	}
	for _, version := range []string{"1.0.0", "2.0.0"} {
		files["vendor/tiny-"+version+".tgz"] = tinyPackage(t, version)
	}
	mark := filepath.Join(dir, "node_modules", ".complete")
	all := ""
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(name, "package.json") {
			all += files[name]
		}
	}
	if was, err := os.ReadFile(mark); err == nil && string(was) == all {
		writeFiles(t, dir, files)
		return dir
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	writeFiles(t, dir, files)
	c := exec.Command("npm", "install", "--ignore-scripts")
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		testkit.UnlessCI(t, fmt.Sprintf("the tools cannot be installed: %v\n%s", err, out))
	}
	if err := os.WriteFile(mark, []byte(all), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// earlier is a build of a task from nothing.
type earlier struct {
	fixed string // what it depends on beside files
	met   looks
	state string // of what it met, before it ran
	left  string // a folder with what it left
	kept  bool   // heapmage had that result as well
}

// tooled is a workspace of real tools, and what is known of it without heapmage.
type tooled struct {
	*testing.T
	random    *rand.Rand
	home      string
	root      string // of the workspace; also while it is built from nothing
	mode      string // the value of MODE, which a source names
	unnamed   string // that of UNNAMED, which nothing names
	tiny      string // the version that is installed
	scripts   map[string]string
	described map[string]string
	builds    map[string][]*earlier // by package
	history   []string
	round     int

	ran, known, cleaned int
}

func newTooled(t *testing.T, seed uint64) *tooled {
	t.Helper()
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &tooled{T: t, random: rand.New(rand.NewPCG(seed, 0)), home: home, root: filepath.Join(home, "ws"), tiny: "1.0.0",
		scripts: map[string]string{}, described: map[string]string{}, builds: map[string][]*earlier{}}
	for _, m := range members {
		w.scripts[m.name] = m.script
	}
	w.sh(home, "cp -a --reflink=auto "+installedTools(t)+" ws")
	w.sh(w.root, "git init -q && git add -A && git -c user.name=a -c user.email=a@b.c commit -qm x")
	return w
}

func (w *tooled) sh(dir, text string) {
	w.Helper()
	c := exec.Command("sh", "-ec", text)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		w.Fatalf("%s: %v\n%s\n%s", text, err, out, strings.Join(w.history, "\n"))
	}
}

// environment is that of heapmage and of a build from nothing. Only the first has UNNAMED.
func (w *tooled) environment() []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.home, "NO_COLOR=1"}
	if w.mode != "" {
		env = append(env, "MODE="+w.mode)
	}
	return env
}

// build builds with heapmage and from nothing, and compares.
func (w *tooled) build() {
	w.Helper()
	w.round++
	// Both are at one path, as a tool may write it.
	w.sh(w.home, `rm -rf clean; mkdir clean; cp -al ws/node_modules clean
for f in ws/* ws/.[!.]*; do case $f in ws/node_modules|ws/.heapmage) ;; *) cp -a "$f" clean;; esac; done
rm -rf clean/packages/*/dist; mv ws aside; mv clean ws`)
	validate := w.round%5 == 0 // nothing that is known is used
	need, now := map[string]bool{}, map[string]*earlier{}
	for _, m := range members {
		now[m.name] = w.clean(m, validate)
		need[m.name] = !now[m.name].kept
	}
	w.sh(w.home, "mv ws clean; mv aside ws")
	c := exec.Command(binary, "build")
	c.Dir, c.Env = w.root, append(w.environment(), "UNNAMED="+w.unnamed)
	out, err := c.CombinedOutput()
	log := string(out)
	w.history = append(w.history, indented(log))
	if err != nil {
		w.Errorf("the build failed: %v\n%s", err, log)
		return
	}
	if strings.Contains(log, "not kept") {
		w.Errorf("a result was not kept:\n%s", log)
	}
	for _, m := range members {
		switch ran := strings.Contains(log, "Building package: "+m.name+"...\n"); {
		case !ran:
			w.known++
		case need[m.name]:
			w.ran++
		default:
			w.ran++
			w.Errorf("%s ran needlessly", m.name)
		}
		now[m.name].kept = true
		w.compare(m)
	}
}

func indented(text string) string {
	var kept []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, "package: ") || strings.Contains(line, "🔍") || strings.Contains(line, "❌") {
			kept = append(kept, "    "+strings.TrimSpace(line))
		}
	}
	return strings.Join(kept, "\n")
}

// clean is the build of a package from nothing, or an earlier one of the same.
func (w *tooled) clean(m member, validate bool) *earlier {
	w.Helper()
	dir := "packages/" + m.name
	dist := filepath.Join(w.root, dir, "dist")
	fixed := strings.Join([]string{w.scripts[m.name], w.mode}, "\n")
	if m.name != "plain" {
		fixed = w.scripts[m.name]
	}
	var same *earlier
	for _, b := range w.builds[m.name] {
		if b.fixed == fixed && b.met.now(w.root, dir+"/dist") == b.state {
			same = b
			break
		}
	}
	if same != nil && !validate {
		w.sh(w.home, "cp -a "+same.left+" "+dist)
		return same
	}
	w.cleaned++
	bin := filepath.Join(w.root, dir, "node_modules/.bin") + ":" + filepath.Join(w.root, "node_modules/.bin")
	env := append([]string{"npm_lifecycle_event=build"}, w.environment()...)
	for i, entry := range env {
		if path, ok := strings.CutPrefix(entry, "PATH="); ok {
			env[i] = "PATH=" + bin + ":" + path
		}
	}
	before := filepath.Join(w.home, "before")
	w.sh(w.home, "rm -rf "+before+"; cp -al "+w.root+" "+before)
	met, err := traced(w.T, w.root, dir, w.scripts[m.name], env)
	if err != nil {
		w.Fatalf("%s fails from nothing: %v\n%s", m.name, err, strings.Join(w.history, "\n"))
	}
	state := met.now(before, dir+"/dist")
	if same != nil {
		if want, got := treeOf(w.T, same.left), treeOf(w.T, dist); want != got {
			w.Fatalf("strace did not see all that %s depends on: it left\n%s\nand now\n%s", m.name, want, got)
		}
		return same
	}
	b := &earlier{fixed: fixed, met: met, state: state, left: filepath.Join(w.home, fmt.Sprintf("left-%s-%d", m.name, len(w.builds[m.name])))}
	w.sh(w.home, "cp -a "+dist+" "+b.left)
	w.builds[m.name] = append(w.builds[m.name], b)
	return b
}

// compare compares what a package's build left with what one from nothing leaves.
func (w *tooled) compare(m member) {
	w.Helper()
	dist := "packages/" + m.name + "/dist"
	want, got := treeOf(w.T, filepath.Join(w.home, "clean", dist)), treeOf(w.T, filepath.Join(w.root, dist))
	if !m.inPlace {
		if want != got {
			w.Errorf("%s left\n%s\nwant\n%s", m.name, got, want)
		}
		return
	}
	for line := range strings.Lines(want) {
		if !strings.Contains(got, line) && !strings.HasPrefix(line, ".tsbuildinfo") {
			w.Errorf("%s left\n%s\nwithout\n%s", m.name, got, line)
		}
	}
}

// treeOf describes what is in a folder.
func treeOf(t *testing.T, top string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(top, path)
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := []byte(nil)
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(path)
			text = []byte(target)
		case info.Mode().IsRegular():
			if text, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		fmt.Fprintf(&b, "%s %v %q\n", rel, info.Mode(), text)
		return nil
	})
	if err != nil {
		fmt.Fprintf(&b, "%v\n", err)
	}
	return b.String()
}

// edit changes something.
func (w *tooled) edit() {
	w.Helper()
	for range 1 + w.random.IntN(2) {
		text := w.change()
		w.history = append(w.history, "edit: "+text)
	}
}

func pick[T any](w *tooled, all ...T) T { return all[w.random.IntN(len(all))] }

// change makes one change and tells it.
func (w *tooled) change() string {
	w.Helper()
	shell := func(text string) string { w.sh(w.root, text); return text }
	m := members[w.random.IntN(len(members))]
	src := "packages/" + m.name + "/src"
	ending := map[bool]string{true: "js", false: "ts"}[m.name == "style"]
	a := "packages/" + pick(w, "core", "util") + "/src/a.ts"
	extra := src + "/" + pick(w, "x", "y", "deep/x") + "." + ending
	n := 1 + w.random.IntN(3)
	switch w.random.IntN(22) {
	case 0, 1:
		return shell(fmt.Sprintf("echo 'export const a: number = %d;' >%s", n, a))
	case 2:
		return shell(fmt.Sprintf("echo '// %d' >>%s", n, a))
	case 3:
		return shell(fmt.Sprintf("sed -i '/^\\/\\//d' %s", a))
	case 4, 5:
		return shell(fmt.Sprintf("mkdir -p %s; echo 'export const x = %d;' >%s", filepath.Dir(extra), n, extra))
	case 6:
		return shell("rm -rf " + extra)
	case 7:
		return shell(fmt.Sprintf("[ ! -f %s ] || mv %s %s/renamed.%s", extra, extra, src, ending))
	case 8:
		return shell(fmt.Sprintf("if [ -d %s/deep ] && [ ! -e %s/moved ]; then mv %s/deep %s/moved; fi", src, src, src, src))
	case 9:
		return shell(fmt.Sprintf("rm -f %s/link.%s; ln -s %s %s/link.%s", src, ending, pick(w, "a."+ending, "index."+ending), src, ending))
	case 10:
		return shell(fmt.Sprintf("rm -f %s/link.%s", src, ending))
	case 11:
		return shell(fmt.Sprintf("chmod %s %s", pick(w, "600", "644", "755"), a))
	case 12:
		return shell(pick(w, "touch flag", "rm -f flag"))
	case 13:
		return shell(pick(w, "echo A=1 >packages/plain/.env", "echo A=2 >packages/plain/.env", "rm -f packages/plain/.env"))
	case 14:
		w.tiny = pick(w, "1.0.0", "2.0.0")
		w.manifest("plain")
		return shell("npm install --offline --ignore-scripts --no-audit --no-fund") + " with tiny " + w.tiny
	case 15:
		w.described[m.name] = pick(w, "", "one", "two")
		w.manifest(m.name)
		return "describe " + m.name + " as " + w.described[m.name]
	case 16:
		w.scripts["app"] = members[4].script + pick(w, "", " --minify")
		w.manifest("app")
		return "the script of app: " + w.scripts["app"]
	case 17:
		w.mode = pick(w, "", "one", "two")
		return "MODE=" + w.mode
	case 18:
		w.unnamed = pick(w, "", "one", "two")
		return "UNNAMED=" + w.unnamed
	case 19:
		return shell(fmt.Sprintf("echo %d >>packages/%s/README.md", n, m.name))
	case 20:
		return shell("rm -rf packages/" + m.name + "/dist")
	default:
		if m.inPlace {
			return "nothing"
		}
		return shell(fmt.Sprintf("for f in packages/%s/dist/*; do [ ! -f $f ] || echo mine >$f; done", m.name))
	}
}

// manifest writes the package.json of a package.
func (w *tooled) manifest(name string) {
	w.Helper()
	for _, m := range members {
		if m.name == name {
			writeFiles(w.T, w.root, map[string]string{"packages/" + name + "/package.json": m.manifest(w.scripts[name], w.described[name], w.tiny)})
		}
	}
}
