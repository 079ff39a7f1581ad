package script

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// awkward are arguments that a shell would take apart or expand.
var awkward = []string{"--grep", "two  words", `it's "so"`, "$HOME", "$1", "&&", "a\nb", "", `C:\dir\`, "*", "#x", "`id`", "ä;|<>", "-w=a b"}

// argsShown are the arguments of each run of the script "show".
func argsShown(t *testing.T, text string) (all [][]string) {
	t.Helper()
	for line := range strings.Lines(text) {
		var args []string
		if list, ok := strings.CutPrefix(line, "= "); ok && json.Unmarshal([]byte(list), &args) == nil {
			all = append(all, args)
		}
	}
	return all
}

// Each run of a script starts programs, which takes time: one has several commands.
func TestArgumentsReachTheScript(t *testing.T) {
	all := installedManagers(t)
	for _, u := range setUps() {
		if u.settings != "" && u.settings != "pnp" {
			continue // they differ in the environment
		}
		t.Run(strings.TrimSpace(u.name+" "+u.major+" "+u.settings), func(t *testing.T) {
			m := &manager{t: t, name: u.name, major: u.major, all: all}
			files := map[string]string{"packages/a/show.js": `console.log("= " + JSON.stringify(process.argv.slice(2)))`}
			maps.Copy(files, u.files)
			m.open(map[string]string{"preshow": "node show.js", "show": "node show.js a && node show.js b", "placed": `node show.js "$1" x && node show.js y`}, files)
			want := [][]string{{"a"}, append([]string{"b"}, awkward...)}
			for _, through := range []bool{false, true} {
				if through && (u.name == "pnpm" && u.major == "8" || u.name == "bun") {
					continue // pnpm 8 has the shell expand "$HOME", and bun leaves out an empty word
				}
				got := argsShown(t, m.oursWith("show", Options{Args: awkward, PackageManager: through}))
				if len(got) == 3 && len(got[0]) == 0 { // of the hook
					got = got[1:]
				}
				if !slices.EqualFunc(got, want, slices.Equal) {
					t.Errorf("through the manager %v: got  %q\nwant %q", through, got, want)
				}
			}
			if u.name == "yarn" && u.major == "4" {
				out, err := m.command(nil, "yarn", "run", "placed", "1 2", "3").Output()
				if err != nil {
					t.Fatal(err)
				}
				got, want := argsShown(t, m.oursWith("placed", Options{Args: []string{"1 2", "3"}})), argsShown(t, string(out))
				if !slices.EqualFunc(got, want, slices.Equal) {
					t.Errorf("a script that places them: got %q, yarn has %q", got, want)
				}
			}
		})
	}
}
