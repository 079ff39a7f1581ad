package selection

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/problem"
)

const selectable = `
-- package.json --
{"name": "tool", "workspaces": ["packages/*", "examples/*/*"]}
-- packages/core/package.json --
{"name": "@acme/core"}
-- packages/core-utils/package.json --
{"name": "@acme/core-utils"}
-- packages/cli/package.json --
{"name": "acme-cli"}
-- packages/tool/package.json --
{"name": "tool"}
-- packages/nameless/package.json --
{}
-- packages/[site]/package.json --
{"name": "site"}
-- packages/s/package.json --
{"name": "s"}
-- examples/react/basic/package.json --
{"name": "react-basic"}
-- examples/vue/basic/package.json --
{"name": "vue-basic"}
-- examples/vue/core/package.json --
{"name": "basic"}
`

func TestNames(t *testing.T) {
	root := lay(t, selectable)
	space := open(t, root)
	for _, c := range []struct{ claim, text, want string }{
		{"takes a package's name", "@acme/core", "packages/core"},
		{"takes a folder", "packages/core", "packages/core"},
		{"takes a folder with ./ and a slash at its end", "./packages/core/", "packages/core"},
		{"takes an absolute folder", filepath.Join(root, "packages", "core"), "packages/core"},
		{"takes the folder's last name", "cli", "packages/cli"},
		{"takes the name without its scope", "core-utils", "packages/core-utils"},
		{"takes a package without a name by its folder", "nameless", "packages/nameless"},
		{"prefers a name to folders of the same name", "basic", "examples/vue/core"},
		{"prefers a member to a root of the same name", "tool", "packages/tool"},
		{"takes the root, a member or not", ".", "."},
		{"takes a list with commas and spaces, each package once, in order of folders", "cli, @acme/core,packages/cli", "packages/cli packages/core"},
		{"takes a glob over scoped names", "@acme/*", "packages/core packages/core-utils"},
		{"takes a glob over short names", "core*", "examples/vue/core packages/core packages/core-utils"},
		{"takes a glob over folders", "./examples/**", "examples/react/basic examples/vue/basic examples/vue/core"},
		{"takes a folder that looks like a glob", "packages/[site]", "packages/[site]"},
		{"takes a folder's last name that looks like a glob", "[site]", "packages/[site]"},
		{"takes a glob that no package is called", "packages/[s]", "packages/s"},
		{"takes a glob with braces", "{acme-cli,tool}", "packages/cli packages/tool"},
		{"takes a folder that holds packages", "examples/vue", "examples/vue/basic examples/vue/core"},
	} {
		t.Run(c.claim, func(t *testing.T) {
			found, err := space.Select("-workspace", c.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := dirsOf(found.Packages); got != c.want {
				t.Errorf("%q selects %s, want %s", c.text, got, c.want)
			}
		})
	}
	for _, c := range []struct{ claim, pattern, want string }{
		{"lists the candidates of an ambiguous name", "core", "-workspace=core: could mean 2 packages: examples/vue/core, packages/core\n💡 name the folder, such as -workspace=examples/vue/core, or several with commas"},
		{"lists the nearest names for one that is unknown", "@acme/coer", "-workspace=@acme/coer: no package has this name or folder\n💡 did you mean @acme/core"},
		{"lists the packages if no name is near", "zzzzzzzzzz", "packages: react-basic, vue-basic, basic"},
		{"knows no folder that only starts like one", "packages/cor", "did you mean packages/core"},
		{"fails for a glob that fits nothing", "x*", "-workspace=x*: no package"},
		{"fails for an empty name", "cli,,tool", "names no package"},
		{"fails for a folder outside", filepath.Dir(root), "no package has this name"},
	} {
		t.Run(c.claim, func(t *testing.T) {
			found, err := space.Select("-workspace", c.pattern)
			var p *problem.Error
			if !errors.As(err, &p) || p.ExitStatus() != problem.ExitUsage {
				t.Fatalf("%v, %v", found, err)
			}
			if !strings.Contains(err.Error(), c.want) || strings.Count(err.Error(), "\n") > 2 {
				t.Errorf("%q\nwant %q", err, c.want)
			}
		})
	}
}
