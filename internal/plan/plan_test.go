package plan

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/affected"
	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/declared"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/workspace"
)

// tree is a workspace in files: a root with the given scripts, and packages, each with
// its scripts as JSON. "web after core" depends on core.
func tree(t *testing.T, rootScripts string, packages map[string]string, settings string) Setting {
	t.Helper()
	root := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("package.json", `{"name": "root", "private": true, "workspaces": ["packages/*"], "scripts": {`+rootScripts+`}}`)
	for name, scripts := range packages {
		name, after, _ := strings.Cut(name, " after ")
		dependencies := ""
		if after != "" {
			dependencies = `"dependencies": {"` + after + `": "1.0.0"}, `
		}
		write("packages/"+name+"/package.json", `{"name": "`+name+`", "version": "1.0.0", `+dependencies+`"scripts": {`+scripts+`}}`)
	}
	if settings != "" {
		write(config.FileName, settings)
	}
	ws, err := workspace.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(root, nil)
	if err != nil {
		t.Fatal(err)
	}
	d, err := declared.Load(ws, c)
	if err != nil {
		t.Fatal(err)
	}
	return Setting{Workspace: ws, Config: c, Declared: d}
}

func text(s string) *string { return &s }

func flag(b bool) *bool { return &b }

func TestNew(t *testing.T) {
	const build, lint = `"build": "tsc"`, `"lint": "eslint ."`
	three := map[string]string{"core": build, "web after core": build + `, "generate": "gen"`, "docs": ""}
	for _, tt := range []struct {
		claim    string
		root     string
		packages map[string]string
		settings string
		request  Request
		want     string // tasks in order, or a part of the error
		notice   event.NoticeKind
	}{
		{"takes each package that has the script", "", three, "", Request{Target: "build"}, "core#build web#build", ""},
		{"takes what a named package depends on", "", three, "", Request{Target: "build", Packages: text("web")}, "core#build web#build", ""},
		{"leaves that out if asked", "", three, "", Request{Target: "build", Packages: text("web"), NoDeps: flag(true)}, "web#build", ""},
		{"runs the root's script if no package has one", build, map[string]string{"core": "", "web": ""}, "", Request{Target: "build"}, "root#build", event.RootFallback},
		{"mentions the root's script if few packages have one", build, map[string]string{"core": build, "web": "", "docs": ""}, "", Request{Target: "build"}, "core#build", event.RootLeftOut},
		{"mentions one that builds by itself", build, three, "", Request{Target: "build"}, "core#build web#build", event.RootLeftOut},
		{"but not for targets that make nothing", lint, map[string]string{"core": lint, "web": lint}, "", Request{Target: "lint"}, "core#lint web#lint", ""},
		{"mentions one that has more run before", `"prebuild": "gen", "build": "turbo build"`, three, "", Request{Target: "build"}, "core#build web#build", event.RootLeftOut},
		{"mentions a clean that removes more", `"clean": "rm -rf dist && turbo clean"`, map[string]string{"core": `"clean": "rm -rf dist"`, "web": `"clean": "rm -rf dist"`}, "", Request{Target: "clean"}, "core#clean web#clean", event.RootLeftOut},
		{"does not mention what a task does already", `"gen": "gen", "build": "npm run gen && turbo build"`, three, "tasks: {build: {dependsOn: [^build, \"//#gen\"]}}", Request{Target: "build"},
			"root#gen core#build web#build", ""},
		{"does not mention it if it runs because a package depends on it", build + `, "x": "y"}, "version": "1.0.0", "packageManager": "yarn@4.0.0", "z": {`, map[string]string{"site after root": build, "web": "", "docs": ""}, "", Request{Target: "build"}, "root#build site#build", ""},
		{"does not mention it if it only has the packages' run", `"build": "turbo build"`, map[string]string{"core": build, "web": "", "docs": ""}, "", Request{Target: "build"}, "core#build", ""},
		{"mentions it if it does more than that", `"build": "tsc -b && turbo build"`, three, "", Request{Target: "build"}, "core#build web#build", event.RootLeftOut},
		{"mentions it if it leaves packages out", `"build": "turbo build --filter=web"`, three, "", Request{Target: "build"}, "core#build web#build", event.RootLeftOut},
		{"but not if the user selects packages too", `"build": "turbo build --filter=web"`, three, "", Request{Target: "build", Packages: text("web")}, "core#build web#build", ""},
		{"nor if he leaves some out", `"build": "turbo build --filter=web"`, three, "", Request{Target: "build", Exclude: text("docs")}, "core#build web#build", ""},
		{"nor if others of its commands may take these", `"build": "npm run build -w core && npm run build -w web"`, three, "", Request{Target: "build"}, "core#build web#build", ""},
		{"runs the root by name", build, three, "", Request{Target: "build", Packages: text("//")}, "root#build", ""},
		{"tells how to write the root", build, three, "", Request{Target: "build", Packages: text(".")}, "root#build", event.Selected},
		{"leaves packages out", "", three, "", Request{Target: "build", Exclude: text("web")}, "core#build", ""},
		{"builds what is left out if another needs it", "", three, "", Request{Target: "build", Packages: text("...core"), Exclude: text("core")}, "core#build web#build", ""},
		{"leaves out all but one", "", map[string]string{"core": build, "web": build}, "", Request{Target: "build", Exclude: text("!core")}, "core#build", ""},
		{"has nothing to do if all are left out", "", three, "", Request{Target: "build", Packages: text("web"), Exclude: text("*")}, "", ""},
		{"does not run the root's script for packages that have none", lint, map[string]string{"core": lint, "web": ""}, "", Request{Target: "lint", Exclude: text("core")}, `packages/web: the package has no script for "lint"`, ""},
		{"refuses to leave out a package that does not exist", "", three, "", Request{Target: "build", Exclude: text("cor")}, "-exclude=cor: no package … core", ""},
		{"bundles the root", `"bundle": "esbuild"`, three, "", Request{Target: "bundle"}, "root#bundle", ""},
		{"finds a synonym", "", map[string]string{"core": `"check-types": "tsc --noEmit"`}, "", Request{Target: "typecheck"}, "core#typecheck", ""},
		{"takes the configured script", "", map[string]string{"core": `"compile:all": "x"`}, "tasks: {build: {script: \"compile:all\"}}", Request{Target: "build"}, "core#build", ""},
		{"takes the configured order", "", three, "tasks: {\"web#build\": {dependsOn: [generate]}}", Request{Target: "build"}, "core#build web#generate web#build", ""},
		{"refuses a cycle of dependencies", "", map[string]string{"a after b": build, "b after a": build}, "", Request{Target: "build"}, "dependencies form a cycle: a → b → a", ""},
		{"names the scripts there are if the target has none", "", map[string]string{"core": `"compile:all": "x"`}, "", Request{Target: "lint"}, `no package has a script for "lint" … compile:all`, ""},
		{"names the package that has none", "", three, "", Request{Target: "lint", Packages: text("core")}, `the package has no script for "lint"`, ""},
		{"names the packages that have none", "", three, "", Request{Target: "lint", Packages: text("core,web")}, `none of these packages has a script for "lint"`, ""},
		{"points to the root that has one", lint, three, "", Request{Target: "lint", Packages: text("core")}, "the root has one: -workspace=// runs it", ""},
		{"refuses a package that does not exist", "", three, "", Request{Target: "build", Packages: text("cor")}, "core", ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			p, err := New(tt.request, tree(t, tt.root, tt.packages, tt.settings))
			got := ""
			if err != nil {
				refusal, ok := errors.AsType[*problem.Error](err)
				if !ok || refusal.Hint == "" {
					t.Fatalf("%v has no hint", err)
				}
				got = err.Error() + refusal.Hint
				for part := range strings.SplitSeq(tt.want, " … ") {
					if !strings.Contains(got, part) {
						t.Errorf("got %q, want %q", got, part)
					}
				}
				return
			}
			var ids []string
			for _, task := range p.Graph.Tasks {
				ids = append(ids, task.ID)
			}
			if got = strings.Join(ids, " "); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			kinds := slices.Collect(func(yield func(event.NoticeKind) bool) {
				for _, n := range p.Notices {
					if !yield(n.Kind) {
						return
					}
				}
			})
			if tt.notice == "" && len(kinds) > 0 || tt.notice != "" && !slices.Contains(kinds, tt.notice) {
				t.Errorf("notices %q, want %q", kinds, tt.notice)
			}
		})
	}
}

func TestArgs(t *testing.T) {
	for _, tt := range []struct {
		claim, scripts string
		request        Request
		want           []string
	}{
		{"a test path goes to the tests", `"test": "jest"`, Request{Target: "test", TestPath: text("src/a")}, []string{"src/a"}},
		{"not to the build before them", `"build": "tsc", "test": "jest"`, Request{Target: "test", TestPath: text("src/a")}, []string{"src/a"}},
		{"the linter fixes if asked", `"lint": "eslint ."`, Request{Target: "lint", Fix: flag(true)}, []string{"--fix"}},
		{"a script that fixes by itself gets nothing", `"lint:fix": "eslint . --fix", "lint": "eslint ."`, Request{Target: "lint", Fix: flag(true)}, nil},
		{"others go where the path goes, behind it", `"build": "tsc", "test": "jest"`, Request{Target: "test", TestPath: text("src/a"), Extra: text("--grep 'a  b' \"\" c\\'d '\n$x'")},
			[]string{"src/a", "--grep", "a  b", "", "c'd", "\n$x"}},
		{"and to a script that fixes by itself", `"lint:fix": "eslint . --fix"`, Request{Target: "lint", Fix: flag(true), Extra: text("--cache")}, []string{"--cache"}},
		{"nothing if not asked", `"lint": "eslint ."`, Request{Target: "lint"}, nil},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			p, err := New(tt.request, tree(t, "", map[string]string{"core": tt.scripts}, ""))
			if err != nil {
				t.Fatal(err)
			}
			for _, task := range p.Graph.Tasks {
				want := tt.want
				if task.Target != tt.request.Target {
					want = nil
				}
				if got := task.Args; !slices.Equal(got, want) {
					t.Errorf("%s gets %q, want %q", task.ID, got, want)
				}
			}
		})
	}
}

func TestImpliedOrder(t *testing.T) {
	const build, jest = `"build": "tsc"`, `"test": "jest"`
	two := func(core string) map[string]string {
		return map[string]string{"core": build + ", " + core, "web after core": build + ", " + jest}
	}
	for _, tt := range []struct {
		claim    string
		packages map[string]string
		settings string
		want     string // tasks in order, with what else they come after
	}{
		{"tests come after the build of their own package", two(jest), "", "core#build core#test<core#build web#test"},
		{"and after tests that build what they read", two(`"test": "npm run build && jest"`), "", "core#build core#test<core#build web#test<core#test"},
		{"before the test", two(`"pretest": "npm run build", "test": "jest"`), "", "core#build core#test<core#build web#test<core#test"},
		{"through another script", two(`"test": "npm run test:all", "test:all": "run-s build test:unit", "test:unit": "jest"`), "", "core#build core#test<core#build web#test<core#test"},
		{"what build runs counts too", two(`"prebuild": "npm run check", "check": "x", "test": "npm run check && jest"`), "", "core#build core#test<core#build web#test<core#test"},
		{"a script that only checks does not", two(`"test": "npm run test:unit", "test:unit": "jest"`), "", "core#build core#test<core#build web#test"},
		{"a declared order of who reads wins", two(`"test": "npm run build && jest"`), "tasks: {\"web#test\": {dependsOn: [^build]}}", "core#build web#test core#test<core#build+web#test"},
		{"a declared order of all tests wins, and the build keeps away from the one that builds", two(`"test": "npm run build && jest"`),
			"tasks: {test: {dependsOn: [^build]}}", "core#test core#build<core#test web#test"},
		{"a declared order of all tasks wins", two(`"test": "npm run build && jest"`), "tasks: {build: {dependsOn: [^build]}, test: {dependsOn: [^build]}}", "core#build core#test web#test"},
		{"also one the other way round", two(`"test": "npm run build && jest"`), "tasks: {\"core#build\": {dependsOn: [test]}}", "core#test core#build web#test"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			p, err := New(Request{Target: "test"}, tree(t, "", tt.packages, tt.settings))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, task := range p.Graph.Tasks {
				text := task.ID
				for i, implied := range task.Implied {
					text += []string{"<", "+"}[min(i, 1)] + implied.Task.ID
				}
				got = append(got, text)
			}
			if got := strings.Join(got, " "); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestRootAdvice(t *testing.T) {
	for _, tt := range []struct{ claim, root, settings, want string }{
		{"names the script that does the work", `"gen": "node gen.js", "build": "npm run gen && turbo build"`, "", `set in heapmage.yaml: tasks: {build: {dependsOn: [^build, "//#gen"]}}`},
		{"keeps what is declared", `"prebuild": "node gen.js", "build": "turbo build"`, "tasks: {build: {dependsOn: [^build, \"core#gen\"]}}",
			`set in heapmage.yaml: tasks: {build: {dependsOn: [^build, "core#gen", "//#prebuild"]}}`},
		{"asks for a script if there is none", `"build": "tsc -b && turbo build"`, "",
			`put that into a script "before-packages" of the root, and set in heapmage.yaml: tasks: {build: {dependsOn: [^build, "//#before-packages"]}}`},
		{"mentions that it may build all", `"build": "node build.js"`, "",
			`put that into a script "before-packages" of the root, and set in heapmage.yaml: tasks: {build: {dependsOn: [^build, "//#before-packages"]}}; or if it builds the packages too: -workspace=//`},
		{"is none if the root's only fans out", `"build": "turbo build"`, "", ""},
		{"is none without a root's build", "", "", ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			p, err := New(Request{Target: "build", Packages: text("core")}, tree(t, tt.root, map[string]string{"core": `"build": "tsc", "gen": "x"`}, tt.settings))
			if err != nil {
				t.Fatal(err)
			}
			if got := p.RootAdvice(p.Graph.Tasks[len(p.Graph.Tasks)-1]).Hint; got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestCheckNames(t *testing.T) {
	for _, tt := range []struct{ claim, settings, refusal string }{
		{"accepts what is there", "packages: {core: {heapLimit: 1GB}}\ntasks: {build: {}, \"core#build\": {}}", ""},
		{"accepts a task that names its script", "tasks: {pack: {script: build}}", ""},
		{"refuses an unknown package", "packages: {cors: {heapLimit: 1GB}}", `no package is called "cors"`},
		{"refuses an unknown package of a task", "tasks: {\"cors#build\": {}}", `no package is called "cors"`},
		{"refuses an unknown script", "tasks: {biuld: {dependsOn: []}}", `no script is called "biuld"`},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			err := CheckNames(tree(t, "", map[string]string{"core": `"build": "tsc"`}, tt.settings))
			if tt.refusal == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			refusal, ok := errors.AsType[*problem.Error](err)
			if !ok || !strings.Contains(refusal.What, tt.refusal) || refusal.Hint == "" {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestCheckReentry(t *testing.T) {
	in := tree(t, "", map[string]string{"core": `"build": "mage build"`}, "")
	p, err := New(Request{Target: "build"}, in)
	if err != nil {
		t.Fatal(err)
	}
	for _, root := range []string{in.Workspace.Root, "/a\nb", "/a\tb c", "/a;b:c%20", "/b\xff", "/", "/a+b", "/ä"} {
		p.Workspace.Root = root
		other := Inside("", "/other", "core#build")
		for running, refused := range map[string]bool{
			"":                                  false,
			other:                               false,
			Inside("", root, "core#build"):      true,
			Inside("", root, "core#generate"):   false,
			Inside("", root+"\n", "core#build"): false,
			Inside(other, root, "core#build"):   true,
			Inside(Inside("", root, "core#build"), "/a\nb", "x\ny:#z"): true,
		} {
			if err := p.CheckReentry(running); (err != nil) != refused {
				t.Errorf("root %q inside %q: %v", root, running, err)
			}
		}
	}
}

func TestCheckNesting(t *testing.T) {
	running := ""
	for n := range mostNested {
		if err := checkNesting(running); err != nil {
			t.Fatalf("refused inside of %d: %v", n, err)
		}
		running = Inside(running, fmt.Sprintf("/copies/%d\x1b", n), "core#build")
	}
	var refusal *problem.Error
	if err := checkNesting(running); !errors.As(err, &refusal) || !strings.Contains(refusal.Hint, `core#build in /copies/0\x1b`) {
		t.Errorf("%v", err)
	}
	if err := checkNesting("not of ours"); err != nil {
		t.Error(err)
	}
}

func FuzzRunning(f *testing.F) {
	f.Add("/a\nb", "core#build")
	f.Add("", "%zz :")
	f.Fuzz(func(t *testing.T, root, id string) {
		running := Inside(Inside("", "/other", "x#y"), root, id)
		if got := outers(running); len(got) != 2 || got[1] != (outer{root, id}) {
			t.Errorf("%q: %+v", running, got)
		}
		outers(root) // must not panic
	})
}

// TestHere plans for the folder in which the user is, and for a commit of which it is told
// what has changed.
func TestHere(t *testing.T) {
	const build, lint = `"build": "tsc"`, `"lint": "eslint ."`
	in := tree(t, lint, map[string]string{"core": build, "web after core": build + "," + lint, "docs": build}, "")
	in.Between = func(_, from, to string) (*affected.Changes, error) {
		pkg := in.Workspace.Named(from)
		return &affected.Changes{Packages: map[*workspace.Package]bool{pkg: true}, Since: " since then", All: to}, nil
	}
	for _, tt := range []struct {
		claim, folder string
		request       Request
		want, said    string
	}{
		{"of a package", "packages/web/src", Request{Target: "build"}, "core#build web#build", "Only web, in whose folder this is; -workspace='*' means all"},
		{"that holds packages", "packages", Request{Target: "build"}, "core#build docs#build web#build", "Only the 3 packages below this folder; -workspace='*' means all"},
		{"that holds none", "scripts", Request{Target: "build"}, "core#build docs#build web#build", ""},
		{"without what is left out", "packages", Request{Target: "build", Exclude: text("...core")}, "docs#build", "Only the 3"},
		{"but for a flag", "packages/web", Request{Target: "build", Packages: text("docs")}, "docs#build", ""},
		{"whose script is bundled", "packages/core", Request{Target: "bundle"}, `packages/core: the package has no script for "bundle"`, ""},
		{"whose package has no script, though the root has one", "packages/core", Request{Target: "lint"}, `packages/core: the package has no script for "lint"`, ""},
		{"after a commit", "", Request{Target: "lint", Packages: text("[web]")}, "web#lint", ""},
		{"after one that may concern all", "", Request{Target: "lint", Packages: text("[web...x]")}, "web#lint", "All packages have changed since then: x may affect each of them"},
		{"after one that changed nothing with a script", "", Request{Target: "lint", Packages: text("[core]")}, "", "Nothing to lint: of 1 package in -workspace=[core] none has a script for it"},
		{"after one that changed nothing else", "", Request{Target: "build", Packages: text("[core]"), Exclude: text("core")}, "", "Nothing to build: no package is selected by -workspace=[core] -exclude=core"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			in.Folder = tt.folder
			p, err := New(tt.request, in)
			if err != nil {
				if !strings.Contains(err.Error(), tt.want) {
					t.Error(err)
				}
				return
			}
			var ids []string
			for _, task := range p.Graph.Tasks {
				ids = append(ids, task.ID)
			}
			if got := strings.Join(ids, " "); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			said := p.Unaffected
			for _, n := range p.Notices {
				said += n.Text
			}
			if !strings.HasPrefix(said, tt.said) || tt.said == "" && said != "" {
				t.Errorf("said %q, want %q", said, tt.said)
			}
		})
	}
}
