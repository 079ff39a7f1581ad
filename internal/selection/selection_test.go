package selection

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/testkit"
	"github.com/heapmage/heapmage/internal/workspace"
)

// lay writes an archive and returns its folder.
func lay(t *testing.T, text string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range txtar.Parse([]byte(text)).Files {
		testkit.Write(t, root, f.Name, string(f.Data))
	}
	return root
}

func open(t *testing.T, root string) Space {
	t.Helper()
	w, err := workspace.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	return Space{Workspace: w}
}

// dirsOf are the folders of packages in their order.
func dirsOf(packages []*workspace.Package) string {
	dirs := make([]string, len(packages))
	for i, p := range packages {
		dirs[i] = p.Dir
	}
	return strings.Join(dirs, " ")
}

// A shop depends on ui and api, both on core, ui also on theme. docs depends on ui in a cycle.
const shops = `
-- package.json --
{"name": "top", "workspaces": ["apps/*", "libs/*", "libs/ui/theme"], "devDependencies": {"@s/core": "*"}}
-- apps/shop/package.json --
{"name": "shop", "dependencies": {"@s/ui": "*", "@s/api": "*"}}
-- apps/docs/package.json --
{"name": "docs", "dependencies": {"@s/ui": "*"}}
-- apps/old/package.json --
{"name": "old"}
-- libs/ui/package.json --
{"name": "@s/ui", "dependencies": {"@s/core": "*"}, "devDependencies": {"docs": "*"}, "peerDependencies": {"theme": "*"}}
-- libs/ui/theme/package.json --
{"name": "theme"}
-- libs/api/package.json --
{"name": "@s/api", "dependencies": {"@s/core": "*"}}
-- libs/core/package.json --
{"name": "@s/core"}
`

func TestLanguage(t *testing.T) {
	space := open(t, lay(t, shops))
	// Each commit is called by the packages that have changed since it.
	space.Changed = func(where string, r Range) (map[*workspace.Package]bool, error) {
		changed := map[*workspace.Package]bool{}
		for name := range strings.SplitSeq(r.From+"+"+r.To, "+") {
			switch p := space.Workspace.Named(name); {
			case p != nil:
				changed[p] = true
			case name == "unknown":
				return nil, errors.New("asked for by " + where)
			}
		}
		return changed, nil
	}
	for _, tt := range []struct{ claim, folder, text, want string }{
		{"leaves out of all", "", "!shop", "apps/docs apps/old libs/api libs/core libs/ui libs/ui/theme"},
		{"leaves out of some, in any order", "", "!old, apps", "apps/docs apps/shop"},
		{"takes what a package depends on", "", "api...", "libs/api libs/core"},
		{"takes that alone", "", "shop^...", "apps/docs libs/api libs/core libs/ui libs/ui/theme"},
		{"takes what depends on a package, but not the root", "", "...core", "apps/docs apps/shop libs/api libs/core libs/ui"},
		{"takes that alone, without itself in a cycle", "", "...^ui", "apps/docs apps/shop"},
		{"takes what depends on a package, with all that needs", "", "...api...", "apps/docs apps/shop libs/api libs/core libs/ui libs/ui/theme"},
		{"takes another of two packages as what one depends on", "", "{libs/*}^...", "apps/docs libs/core libs/ui/theme"},
		{"leaves out what a package depends on", "", "*,!api...", "apps/docs apps/old apps/shop libs/ui libs/ui/theme"},
		{"takes what a package without dependencies has", "", "old^...", ""},
		{"takes a folder in braces", "", "{libs/api}...", "libs/api libs/core"},
		{"takes a glob of folders in braces", "", "{./apps/*}", "apps/docs apps/old apps/shop"},
		{"takes a glob of folders with dots", "", "./libs/a*...", "libs/api libs/core"},
		{"takes names in a folder", "", "*o*{apps/*}", "apps/docs apps/old apps/shop"},
		{"takes a name in a folder", "", "shop{apps/*}", "apps/shop"},
		{"lets * stand for a slash in whole names", "", "@s*i", "libs/api libs/ui"},
		{"takes alternatives in braces", "", "@s/{ui,api}", "libs/api libs/ui"},
		{"takes a folder's last name in a glob", "", "them?", "libs/ui/theme"},
		{"takes the root", "", "//", "."},
		{"takes what the root depends on", "", "//...", ". libs/core"},
		{"takes the root by its name", "", "top", "."},
		{"takes the root by a dot from anywhere", "apps/shop", ".", "."},
		{"does not take the root for a glob, or a folder", "", "t*,{./}", ". libs/ui/theme"},
		{"takes the package in this folder", "apps/shop", "./", "apps/shop"},
		{"takes the package around this folder", "apps/shop/src/a", "{.}^...", "apps/docs libs/api libs/core libs/ui libs/ui/theme"},
		{"takes a folder beside this package", "apps/shop/src", "../docs", "apps/docs"},
		{"takes those around this package", "apps/shop", "{..}", "apps/docs apps/old apps/shop"},
		{"takes those below this folder", "apps", "./d*", "apps/docs"},
		{"takes others from a folder as from the root", "apps/shop", "!apps", "libs/api libs/core libs/ui libs/ui/theme"},
		{"takes what has changed", "", "[docs+@s/api]", "apps/docs libs/api"},
		{"takes what has changed between two commits", "", "[docs...@s/api]", "apps/docs libs/api"},
		{"takes what has changed, and what depends on it", "", "...[@s/api]", "apps/shop libs/api"},
		{"takes a package if it has changed", "", "shop[shop],docs[shop]", "apps/shop"},
		{"takes those in a folder that have changed, with what they need", "", "{libs/*}[@s/api+shop]...", "libs/api libs/core"},
		{"takes one of those in a folder that has changed", "", "*{libs/*}[@s/api+shop]", "libs/api"},
		{"takes those with dots that have changed", "", "./libs/*[@s/api+shop]", "libs/api"},
		{"takes a package if something that it needs has changed", "", "shop...[@s/api],docs...[@s/api]", "apps/shop"},
		{"and what depends on it", "", "...ui...[@s/core]", "apps/docs apps/shop libs/ui"},
		{"but without itself only for what it needs", "", "...^api...[@s/api]", ""},
		{"leaves out what has changed", "", "{apps/*},![shop]", "apps/docs apps/old"},
		{"does not take the root for what has changed", "", "[top+shop]", "apps/shop"},
		{"takes the root if it has changed", "", "//[top],top[shop]", "."},
		{"lets a glob fit nothing if that is left out", "", "shop,!x*,!./apps/x*", "apps/shop"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			space.Folder = tt.folder
			found, err := space.Select("-workspace", tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := dirsOf(found.Packages); got != tt.want {
				t.Errorf("%s is %q, want %q", tt.text, got, tt.want)
			}
			if found.Varies != strings.Contains(tt.text, "[") || found.Dot != (tt.text == ".") {
				t.Errorf("%+v", found)
			}
		})
	}
	space.Folder = "apps"
	for _, tt := range []struct{ claim, text, want string }{
		{"asks for a name", "shop,,docs", "-workspace=: names no package\n💡 write NAME"},
		{"wants something to leave out", "!", "names no package, folder or commit\n💡 write NAME"},
		{"wants something that others depend on", "^...", "names no package, folder or commit"},
		{"wants something before what it needs", "...", "names no package, folder or commit"},
		{"wants three dots", "shop..", "there are two dots, not three"},
		{"wants three dots in front", "..shop", "there are two dots, not three"},
		{"wants dots for dots", "shop…", "an ellipsis is three dots"},
		{"wants dots at the ends", "shop...docs", "three dots stand at the start or at the end"},
		{"wants dots beside ^", "shop^", "^ stands between the dots and a package"},
		{"wants ^ inside", "^...shop", "^ stands between the dots and a package"},
		{"wants one !", "!!shop", "an exclamation mark stands at the start, once"},
		{"wants a commit", "[]", "there is no commit in the brackets"},
		{"wants a first commit", "[...main]", "three dots stand between two commits"},
		{"wants a second commit", "[main...]", "three dots stand between two commits"},
		{"wants three dots between commits", "[main..topic]", "three dots stand between two commits, not two"},
		{"wants something that depends on what has changed", "......[main]", "before ...[ there is no package"},
		{"wants a folder", "{}", "there is no folder in the braces"},
		{"wants one folder", "{apps}{libs}", "there are two folders"},
		{"wants one folder, also with dots", "./apps{libs}", "there are two folders"},
		{"wants the commit at the end", "[main]{apps}", "the commit stands behind the folder"},
		{"wants one commit", "[main][topic]", "the commit stands behind the folder"},
		{"wants braces closed", "{apps", "not closed"},
		{"wants braces opened", "apps}", "a brace is not opened"},
		{"wants brackets closed", "[main", "not closed"},
		{"wants brackets opened", "main]", "not opened"},
		{"knows no such name", "...shp", "-workspace=...shp: no package has the name or folder shp\n💡 did you mean shop"},
		{"knows no such name to leave out", "!shp", "no package has the name or folder shp"},
		{"knows no such folder", "{../lib/*}", "-workspace={../lib/*}: there is no package in lib/*\n💡 did you mean libs"},
		{"knows no such folder to leave out", "!./shp", "there is no package in apps/shp"},
		{"stays in the workspace", "../../x", "the folder is outside of the workspace"},
		{"takes a name in a folder where it is not", "shop{../libs/*}", "no package fits both the name and the folder"},
		{"passes on what cannot be told", "docs...[unknown]", "asked for by -workspace=docs...[unknown]"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			found, err := space.Select("-workspace", tt.text)
			if err == nil {
				t.Fatalf("it is %s", dirsOf(found.Packages))
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v\nwant %s", err, tt.want)
			}
			if p, ok := errors.AsType[*problem.Error](err); ok && (p.Hint == "" || p.ExitStatus() != problem.ExitUsage) {
				t.Errorf("%+v", p)
			}
		})
	}
}

func TestHere(t *testing.T) {
	space := open(t, lay(t, shops))
	for _, tt := range []struct{ folder, want string }{
		{"", ""},
		{".", ""},
		{"apps/shop", "apps/shop"},
		{"apps/shop/src/deep", "apps/shop"},
		{"libs/ui/theme/src", "libs/ui/theme"},
		{"apps", "apps/docs apps/old apps/shop"},
		{"scripts", ""},
		{"app", ""},
	} {
		t.Run(fmt.Sprintf("of %q", tt.folder), func(t *testing.T) {
			space.Folder = tt.folder
			if got := dirsOf(space.Here()); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
