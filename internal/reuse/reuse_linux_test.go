package reuse

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestReuse(t *testing.T) {
	const build = "mkdir -p dist; ls . >/dev/null; cat src/a.txt >dist/a; [ ! -e flag ] || echo flag >>dist/a"
	p := newPlace(t, map[string]string{"src/a.txt": "1\n", ".gitignore": "dist\nflag\n", "README.md": "x"})
	for _, step := range []struct{ change, want, dist string }{
		{"", "it was not built here before", "1\n"},
		{"", "up to date", "1\n"},
		{"echo y >README.md", "up to date", "1\n"},
		{"rm -r dist", "restored", "1\n"},
		{"echo 2 >src/a.txt", "src/a.txt changed", "2\n"},
		{"echo 1 >src/a.txt", "restored", "1\n"},
		{"touch flag", "files were added to or removed from the workspace's folder", "1\nflag\n"},
		{"rm flag", "restored", "1\n"},
		{"echo bad >dist/a", "restored", "1\n"},
		{"touch src/a.txt", "up to date", "1\n"},
		{"chmod 600 src/a.txt", "src/a.txt changed", "1\n"},
	} {
		if step.change != "" {
			p.sh(step.change)
		}
		p.again()
		if got := p.do("a#build", build); got != step.want {
			t.Errorf("after %q: %q, want %q", step.change, got, step.want)
		}
		if got := p.read("dist/a"); got != step.dist {
			t.Errorf("after %q: dist is %q, want %q", step.change, got, step.dist)
		}
	}
}

// TestEarlyCutoff: a task whose upstream comes to the same result is not run.
func TestEarlyCutoff(t *testing.T) {
	p := newPlace(t, map[string]string{"a.txt": "1 # one\n", ".gitignore": "out*\n"})
	build := func() string {
		p.again()
		return p.do("a#build", "sed 's/#.*//' a.txt >out-a") + ", " + p.do("b#build", "tr 1 2 <out-a >out-b", "a#build")
	}
	build()
	if got := build(); got != "up to date, up to date" {
		t.Error(got)
	}
	p.write("a.txt", "1 # another\n")
	if got := build(); got != "a.txt changed, up to date" {
		t.Error(got)
	}
	p.write("a.txt", "3\n")
	if got := build(); got != "a.txt changed, out-a changed" {
		t.Error(got)
	}
	p.sh("rm out-*")
	if got := build(); got != "restored, restored" {
		t.Error(got)
	}
}

// TestNotKept: what cannot be proved is not kept, and the reason is told.
func TestNotKept(t *testing.T) {
	for script, want := range map[string]string{
		"echo x >>tracked": "it changed tracked, which is under version control",
		"echo x >>notes":   "it changed notes, which was there before",
		"cat tracked; echo y >tracked.x; sleep 0.1; echo z >tracked.x": "",
	} {
		t.Run(script, func(t *testing.T) {
			p := newPlace(t, map[string]string{"tracked": "1\n", ".gitignore": "out\n"})
			p.write("notes", "mine\n")
			got := p.do("a#build", script)
			if _, not, _ := strings.Cut(got, "; not kept: "); not != want {
				t.Errorf("%q, want %q", not, want)
			}
		})
	}
}

// TestTwoWriters: a task may write over what another left, if it comes after it.
func TestTwoWriters(t *testing.T) {
	p := newPlace(t, map[string]string{"src": "1\n", ".gitignore": "out\n"})
	alias := "sed s/^/x/ out >out.new; mv out.new out"
	build := func() string {
		t.Helper()
		p.again()
		done := p.do("a#build", "cat src >out") + ", " + p.do("a#alias", alias, "a#build")
		if want := "x" + p.read("src"); p.read("out") != want {
			t.Errorf("out is %q, want %q", p.read("out"), want)
		}
		return done
	}
	build()
	for range 4 { // the order of the writers survives
		if got := build(); got != "up to date, up to date" {
			t.Error(got)
		}
	}
	p.write("src", "2\n")
	if got := build(); got != "src changed, out changed" {
		t.Error(got)
	}
	p.write("src", "1\n")
	if got := build(); got != "restored, restored" {
		t.Error(got)
	}
	// Only the second one has to run: it finds what the first one leaves.
	alias += "; true"
	if got := build(); !strings.HasSuffix(got, ", script changed") || strings.Contains(got, "not kept") {
		t.Error(got)
	}
	p.sh("rm out")
	if got := build(); got != "restored, restored" {
		t.Error(got)
	}
	p.sh("echo mine >out")
	if got := build(); got != "restored, restored" {
		t.Error(got)
	}
}

// TestUnorderedWriters: two tasks that write one file in no order are both not kept.
func TestUnorderedWriters(t *testing.T) {
	p := newPlace(t, map[string]string{"src": "1\n", ".gitignore": "out\n"})
	p.do("a#build", "cat src >out")
	if got := p.do("b#build", "cat src src >out"); !strings.Contains(got, "a#build writes out too") {
		t.Error(got)
	}
	p.again()
	p.do("a#build", "cat src >out; true")
	p.do("b#build", "cat src src >out; true")
	p.again()
	if got := p.do("a#build", "cat src >out; :"); !strings.HasPrefix(got, "its last result was not kept: another task writes out too") {
		t.Error(got)
	}
	for range 2 {
		a, b := p.do("a#build", "cat src >out"), p.do("b#build", "cat src src >out")
		if p.read("out") != "1\n1\n" {
			t.Errorf("%s, %s: %q", a, b, p.read("out"))
		}
	}
}

// TestStale: what a run from nothing would not leave is removed, and nothing of the user's.
func TestStale(t *testing.T) {
	const build = "for f in src/*; do cat $f >dist-${f##*/}; done"
	p := newPlace(t, map[string]string{"src/a": "1\n", "src/b": "2\n", ".gitignore": "dist-*\n"})
	p.do("a#build", build)
	p.sh("mv src/b src/c")
	p.again()
	p.do("a#build", build)
	if p.read("dist-b") != "none" || p.read("dist-c") != "2\n" {
		t.Errorf("%q, %q", p.read("dist-b"), p.read("dist-c"))
	}
	p.sh("mv src/c src/d; echo mine >dist-c")
	p.again()
	p.do("a#build", build)
	if p.read("dist-c") != "mine\n" {
		t.Errorf("%q", p.read("dist-c"))
	}
}

// TestRemoved: a task that removes another's output has written it.
func TestRemoved(t *testing.T) {
	p := newPlace(t, map[string]string{"src": "1\n", ".gitignore": "out*\n"})
	build := func() string {
		p.again()
		return p.do("a#build", "cat src >out; cat src >out2") + ", " + p.do("a#clean", "rm -f out", "a#build")
	}
	for range 3 {
		if got := build(); p.read("out") != "none" || p.read("out2") != "1\n" {
			t.Errorf("%s: %q, %q", got, p.read("out"), p.read("out2"))
		}
	}
}

// TestMovedFolder: so has one that moves a folder of another away.
func TestMovedFolder(t *testing.T) {
	p := newPlace(t, map[string]string{"src": "1\n", ".gitignore": "out*\n"})
	build := func() string {
		p.again()
		return p.do("a#build", "mkdir -p out/sub; cat src >out/sub/x") + ", " + p.do("a#move", "mv out/sub out2", "a#build")
	}
	build()
	for range 2 {
		if got := build(); got != "up to date, up to date" || p.read("out/sub/x") != "none" || p.read("out2/x") != "1\n" {
			t.Errorf("%s: %q, %q", got, p.read("out/sub/x"), p.read("out2/x"))
		}
	}
	p.sh("rm -r out2")
	if got := build(); got != "up to date, restored" || p.read("out/sub/x") != "none" || p.read("out2/x") != "1\n" {
		t.Errorf("%s: %q, %q", got, p.read("out/sub/x"), p.read("out2/x"))
	}
	// Of a folder that is moved, all names count.
	p.again()
	p.do("a#build", "mkdir -p out/sub; cat src >out/sub/x; cat src >out/sub/y")
	if got := p.do("a#move", "mv out/sub out2", "a#build"); p.read("out2/sub/y") != "1\n" {
		t.Errorf("%s: %q", got, p.read("out2/sub/y"))
	}
}

// TestMovedPermissions: what a task moves has the permissions with which the task before it left it.
func TestMovedPermissions(t *testing.T) {
	p := newPlace(t, map[string]string{"src/a": "1\n", ".gitignore": "out\nmoved\n"})
	build := func() string {
		p.again()
		return p.do("a#build", "rm -rf out; cp -r src out") + ", " + p.do("b#build", "rm -rf moved; mv out moved", "a#build")
	}
	build()
	p.sh("chmod 755 src/a")
	if got := build(); strings.Contains(got, "restored") || strings.Contains(got, "up to date") {
		t.Error(got)
	}
	p.sh("test -x moved/a")
}

// TestTwoResults: the first result of one key stands.
func TestTwoResults(t *testing.T) {
	p := newPlace(t, map[string]string{"src": "1\n", ".gitignore": "out*\n"})
	build := func() string {
		p.again()
		return p.do("a#build", "cat src >/dev/null; date +%N >out") + ", " + p.do("b#build", "cat out >out-b", "a#build")
	}
	build()
	first := p.read("out")
	p.write("src", "2\n")
	build()
	p.write("src", "1\n")
	if got := build(); got != "restored, restored" || p.read("out") != first || p.read("out-b") != first {
		t.Error(got)
	}
}

// TestFirstDist: a folder of outputs from before is taken over if Git ignores it.
func TestFirstDist(t *testing.T) {
	p := newPlace(t, map[string]string{"src": "1\n", "dist/out": "0\n", "dist/old": "0\n", ".gitignore": "dist\n"})
	const build = "mkdir -p dist; cat src >dist/out"
	if got := p.do("a#build", build); got != "it was not built here before" {
		t.Error(got)
	}
	p.sh("rm -r dist")
	p.again()
	if got := p.do("a#build", build); got != "restored" || p.read("dist/out") != "1\n" {
		t.Error(got)
	}
}

// TestInTheWay: what Git tracks is never written over.
func TestInTheWay(t *testing.T) {
	p := newPlace(t, map[string]string{"src": "1\n"})
	p.do("a#build", "cat src >out")
	p.write("out", "mine\n")
	p.sh("git add -f out; git commit -qm y 2>/dev/null || git -c user.name=a -c user.email=a@b.c commit -qm y")
	p.again()
	got := p.do("a#build", "cat src >out")
	if !strings.Contains(got, "not kept: it changed out") {
		t.Error(got)
	}
}

// TestGenerated: what a task writes below node_modules is an output, and an input of others.
func TestGenerated(t *testing.T) {
	p := newPlace(t, map[string]string{"schema": "1\n", "node_modules/x/index.js": "0\n", ".gitignore": "node_modules\nout\n"})
	build := func() string {
		p.again()
		return p.do("a#generate", "mkdir -p node_modules/.client; cat schema >node_modules/.client/index.js") + ", " +
			p.do("a#build", "cat node_modules/.client/index.js node_modules/x/index.js >out", "a#generate")
	}
	build()
	p.write("schema", "2\n")
	if got := build(); got != "schema changed, node_modules/.client/index.js changed" || p.read("out") != "2\n0\n" {
		t.Error(got)
	}
	p.sh("rm -r node_modules/.client out")
	if got := build(); got != "restored, restored" || p.read("out") != "2\n0\n" {
		t.Error(got)
	}
}

// TestGeneratedByHand: what lies below node_modules and is in no package that the manager
// knows counts by itself.
func TestGeneratedByHand(t *testing.T) {
	p := newPlace(t, map[string]string{
		"node_modules/known/index.js": "0\n", "node_modules/.client/index.js": "0\n", "node_modules/@acme/client/index.js": "0\n",
		"node_modules/.pnpm/x@1/node_modules/.client/index.js": "0\n", ".gitignore": "node_modules\nout\n",
	})
	p.installed = func(file string) (string, string, bool) {
		dir, _, ok := strings.Cut(file, "/known/")
		return "1.0.0", dir + "/known", ok
	}
	const build = "find node_modules/ -name '*.js' | sort | xargs cat >out"
	p.do("a#build", build)
	for _, step := range [][2]string{
		{"true", "up to date"},
		{"echo 1 >node_modules/known/index.js", "up to date"}, // it counts by its version
		{"echo 1 >node_modules/.client/index.js", "node_modules/.client/index.js changed"},
		{"echo 1 >node_modules/.client/more.js", "files were added to or removed from node_modules/.client"},
		{"echo 1 >node_modules/@acme/client/index.js", "node_modules/@acme/client/index.js changed"},
		{"echo 1 >node_modules/.pnpm/x@1/node_modules/.client/index.js", "node_modules/.pnpm/x@1/node_modules/.client/index.js changed"},
		{"rm -r node_modules/.client", "node_modules/.client/index.js is gone"},
	} {
		p.sh(step[0])
		p.again()
		if got := p.do("a#build", build); got != step[1] {
			t.Errorf("after %s: %q, want %q", step[0], got, step[1])
		}
	}
}

// TestPrograms: a program outside of the workspace that is not the system's counts, wherever
// it is.
func TestPrograms(t *testing.T) {
	home := t.TempDir()
	for _, name := range []string{".local/share/mise/installs/tool", ".bun/bin/tool", ".rustup/toolchains/stable/bin/tool", "go/bin/tool"} {
		p := newPlace(t, map[string]string{".gitignore": "out\n"})
		p.home, p.r.home = home, home
		tool := filepath.Join(home, name)
		p.sh("mkdir -p " + filepath.Dir(tool) + "; printf '#!/bin/sh\necho 1\n' >" + tool + "; chmod +x " + tool)
		p.do("a#build", tool+" >out")
		p.again()
		if got := p.do("a#build", tool+" >out"); got != "up to date" {
			t.Errorf("%s: %q", name, got)
		}
		p.sh("printf '#!/bin/sh\necho 2\n' >" + tool)
		p.again()
		if got := p.do("a#build", tool+" >out"); got != tool+" changed" {
			t.Errorf("another %s: %q", name, got)
		}
	}
}

// TestHome: what decides which program is run counts; caches do not.
func TestHome(t *testing.T) {
	home := t.TempDir()
	for name, counts := range map[string]bool{".config/mise/config.toml": true, ".rustup/settings.toml": true, ".config/next/telemetry.json": false, ".cache/x": false} {
		p := newPlace(t, map[string]string{".gitignore": "out\n"})
		p.home, p.r.home = home, home
		file := filepath.Join(home, name)
		p.sh("mkdir -p " + filepath.Dir(file) + "; echo 1 >" + file)
		p.do("a#build", "cat "+file+" >out")
		p.sh("echo 2 >" + file)
		p.again()
		if got := p.do("a#build", "cat "+file+" >out"); got == "up to date" == counts {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestGit: which commit is checked out, and the tags, count for who asks Git for them.
func TestGit(t *testing.T) {
	p := newPlace(t, map[string]string{"in": "1\n", ".gitignore": "out*\n"})
	scripts := map[string]string{"commit": "git rev-parse HEAD >out-1", "tag": "git describe --tags --always >out-2", "files": "git ls-files >out-3", "none": "cat in >out-4"}
	for _, step := range []struct{ change, ran string }{
		{"true", "commit tag files none"},
		{"true", ""},
		{"git -c user.name=a -c user.email=a@b.c commit -qm x --allow-empty", "commit tag"},
		{"git tag one", "tag"},
		{"git add -f out-1; git reset -q", ""}, // the index
	} {
		p.sh(step.change)
		p.again()
		var ran []string
		for _, name := range []string{"commit", "tag", "files", "none"} {
			got := p.do(name, scripts[name])
			if got != "up to date" {
				ran = append(ran, name)
			}
			if strings.Contains(got, "not kept") {
				t.Error(name, got)
			}
		}
		if got := strings.Join(ran, " "); got != step.ran {
			t.Errorf("after %s ran %q, want %q", step.change, got, step.ran)
		}
	}
}

// TestPath: another program of the same name counts, although the one that ran is there as
// it was.
func TestPath(t *testing.T) {
	home := t.TempDir()
	p := newPlace(t, map[string]string{".gitignore": "out\n"})
	p.sh("cd " + home + "; mkdir one two three; for d in one two; do printf \"#!/bin/sh\\necho $d\\n\" >$d/tool; chmod +x $d/tool; done; ln -s ../one/tool three/tool")
	in := func(dirs string) string {
		p.path = "/usr/bin:/bin"
		for dir := range strings.FieldsSeq(dirs) {
			p.path = filepath.Join(home, dir) + ":" + p.path
		}
		p.again()
		return p.do("a#build", "tool | cat >out") + ", " + p.read("out")
	}
	for _, step := range [][3]string{
		{"true", "one", FirstTime + ", one\n"},
		{"true", "one", "up to date, one\n"},
		{"true", "one three", "up to date, one\n"}, // a link to the same
		{"true", "one two", "PATH leads to another tool, two\n"},
		{"rm three/tool; printf '#!/bin/sh\necho three\n' >three/tool; chmod +x three/tool", "one three", "PATH leads to another tool, three\n"},
		{"chmod -x three/tool", "one three", "restored, one\n"},
		{"cp two/tool three/cat", "one three", "PATH leads to another cat, two\n"},
	} {
		p.sh("cd " + home + "; " + step[0])
		if got := in(step[1]); got != step[2] {
			t.Errorf("%s, %s: %q, want %q", step[0], step[1], got, step[2])
		}
	}
}

// TestManagers: package managers and programs that PATH leads to count by what they are, not by where, so a
// result that they had a part in is one for other machines, too.
func TestManagers(t *testing.T) {
	manager := func(p *place, prefix, version string) {
		p.sh("mkdir -p " + prefix + "/bin " + prefix + "/lib/node_modules/npm/bin; cd " + prefix + `
printf '#!/bin/sh\n. ${0%%/*}/../lib/node_modules/npm/lib.sh\n' >lib/node_modules/npm/bin/npm-cli.js; chmod +x lib/node_modules/npm/bin/npm-cli.js
ln -sf ../lib/node_modules/npm/bin/npm-cli.js bin/npm
echo 'cat in' >lib/node_modules/npm/lib.sh; echo '{"name": "npm", "version": "` + version + `"}' >lib/node_modules/npm/package.json
printf '#!/bin/sh\necho tool\n' >bin/tool; chmod +x bin/tool`)
		p.path = prefix + "/bin:/usr/bin:/bin"
	}
	dir := t.TempDir()
	p := newPlace(t, map[string]string{"in": "1\n", ".gitignore": "out\n"})
	p.home, p.r.home = dir, dir
	for _, step := range []struct{ prefix, version, change, want string }{
		{"one", "11.1.0", "echo registry=a >" + dir + "/.npmrc", FirstTime},
		{"one", "11.1.0", "true", "up to date"},
		{"two/x64", "11.1.0", "rm -r " + dir + "/one; echo registry=b >" + dir + "/.npmrc", "up to date"},
		{"two/x64", "11.2.0", "true", "PATH leads to another npm"},
		{"three", "11.2.0", "echo '#' >>" + dir + "/three/bin/tool", "PATH leads to another tool"},
	} {
		manager(p, dir+"/"+step.prefix, step.version)
		p.sh(step.change)
		p.again()
		if got := p.do("a#build", "{ npm; tool; cat "+dir+"/.npmrc >/dev/null; } >out"); got != step.want {
			t.Errorf("%v: %q", step, got)
		}
	}
	p.sh("! grep -h '\"local\":\\[\"' .heapmage/cache/entries/*") // all of these may leave this machine
}

// TestEmptyFolder: what comes into a folder that was empty is new.
func TestEmptyFolder(t *testing.T) {
	p := newPlace(t, map[string]string{"src/a": "1\n", ".gitignore": "out\n"})
	p.sh("rm src/a")
	const build = "ls src >out"
	p.do("a#build", build)
	p.write("src/b", "1\n")
	p.again()
	if got := p.do("a#build", build); got != "files were added to or removed from src" {
		t.Error(got)
	}
}

// TestMeanwhile: a result is not kept if an input changed while the task ran.
func TestMeanwhile(t *testing.T) {
	const wait = ": >.git/ready; until [ -e .git/go ]; do sleep 0.01; done; " // nothing there is an input
	for script, want := range map[string]string{
		"cat in >out; " + wait:                      "in changed while it ran",
		"[ -e in ]; " + wait + "cat in >out":        "in changed while it ran",
		"[ ! -e new ]; " + wait + "cat new >out":    "new changed while it ran",
		"cat other >out; " + wait + "ls >/dev/null": "",
	} {
		p := newPlace(t, map[string]string{"in": "1\n", "other": "1\n", ".gitignore": "out*\n"})
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 1000 {
				time.Sleep(5 * time.Millisecond)
				if p.read(".git/ready") == "none" {
					continue
				}
				for _, name := range []string{"in", "new", ".git/go"} {
					_ = os.WriteFile(filepath.Join(p.root, name), []byte("2\n"), 0o644)
				}
				return
			}
		}()
		got := p.do("a#build", script)
		<-done
		if _, not, _ := strings.Cut(got, "; not kept: "); not != want {
			t.Errorf("%s: %q, want %q", script, not, want)
		}
	}
}

// TestTries: what a task tried to write in vain is an input all the same.
func TestTries(t *testing.T) {
	p := newPlace(t, map[string]string{"src/a": "1\n", "in": "1\n", ".gitignore": "out*\n"})
	for script, change := range map[string]string{
		"mkdir -p src; ls src >out-1":                                      "touch src/b",
		"mkdir src || true; echo src/* >out-2":                             "touch src/c",
		"(set -C; echo x >in) 2>/dev/null || true; cat in >out-3":          "echo 2 >in",
		"ln -s x in 2>/dev/null || true; cat in >out-4":                    "echo 3 >in",
		"cat missing/../in 2>/dev/null || cat in >out-5":                   "echo 4 >in",
		"rmdir src 2>/dev/null || true; ls src >out-6":                     "touch src/d",
		"[ -e src/e ] || true; mkdir -p src; echo >src/out; ls src >out-7": "touch src/e",
	} {
		p.again()
		p.do(script, script)
		if got := p.do(script, script); got != "up to date" {
			t.Errorf("%s: %q", script, got)
		}
		p.sh(change)
		p.again()
		if got := p.do(script, script); got == "up to date" || got == "restored" {
			t.Errorf("%s after %s: %q", script, change, got)
		}
	}
}
