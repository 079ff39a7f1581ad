package plan

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/problem"
)

func TestScripts(t *testing.T) {
	const build, lint, gen = `"build": "tsc"`, `"lint": "eslint ."`, `"generate": "gen"`
	three := map[string]string{"core": build, "web after core": build + `, "generate": "gen"`, "docs": ""}
	for _, tt := range []struct {
		claim    string
		root     string
		packages map[string]string
		settings string
		request  Request
		want     string // tasks in order, with those they come after, or parts of the error
		notice   event.NoticeKind
	}{
		{"runs any script, after the same one of what the package depends on", "", map[string]string{"core": gen, "web after core": gen}, "", Request{Target: "generate"}, "core#generate web#generate<core#generate", ""},
		{"one that only checks waits for none", "", map[string]string{"core": `"format": "x"`, "web after core": `"format": "x"`}, "", Request{Target: "format"}, "core#format web#format", ""},
		{"one that tests comes after the build of its package, if that runs", "", map[string]string{"core": build + `, "e2e": "x"`}, "", Request{Target: "e2e,build"}, "core#build core#e2e<core#build", ""},
		{"runs several, each where it is", lint, map[string]string{"core": build, "web after core": gen + ", " + build}, "", Request{Target: " build,generate, build,"}, "core#build web#generate web#build<core#build", ""},
		{"runs the root's of one that only the root has", gen, map[string]string{"core": build}, "", Request{Target: "build,generate"}, "root#generate core#build", event.RootFallback},
		{"calls a script as the target that it is for", "", map[string]string{"core": `"compile": "tsc"`, "web after core": build + `, "compile": "x"`}, "", Request{Target: "compile"}, "core#build web#compile<core#build", ""},
		{"keeps the declared order of any script", "", map[string]string{"core": gen, "web after core": gen}, "tasks: {generate: {dependsOn: []}}", Request{Target: "generate"}, "core#generate web#generate", ""},
		{"does not order what was not asked for", "", map[string]string{"core": build + ", " + gen, "web after core": build + ", " + gen}, "tasks: {build: {dependsOn: [generate]}}", Request{Target: "build"},
			"core#generate web#generate core#build<core#generate web#build<web#generate", ""},
		{"names the script that is near", "", three, "", Request{Target: "genrate"}, `no package has a script "genrate" … did you mean generate?`, ""},
		{"asks for a script", "", three, "", Request{Target: ","}, "no script is named … there are: build, generate", ""},
		{"refuses a script that is called as what never ends", "", map[string]string{"core": `"dev": "x"`}, "", Request{Target: "dev"}, "core#dev … would never end: it is called dev … timeout", ""},
		{"refuses arguments that make it so", "", map[string]string{"core": gen}, "", Request{Target: "generate", Extra: text("--watch")}, "core#generate … would never end: it watches for changes", ""},
		{"does not refuse it with a time limit", "", map[string]string{"core": `"dev": "x"`}, "tasks: {dev: {timeout: 1m}}", Request{Target: "dev"}, "core#dev", ""},
		{"nor a target that watches", "", map[string]string{"core": `"test": "jest --watch"`}, "", Request{Target: "test"}, "core#test", ""},
		{"refuses a quote that is not closed", "", three, "", Request{Target: "build", Extra: text(`a 'b`)}, "-args=a 'b: a quote is not closed … -args=", ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			p, err := New(tt.request, tree(t, tt.root, tt.packages, tt.settings))
			if err != nil {
				refusal, ok := errors.AsType[*problem.Error](err)
				if !ok || refusal.Hint == "" {
					t.Fatalf("%v has no hint", err)
				}
				for part := range strings.SplitSeq(tt.want, " … ") {
					if got := err.Error() + refusal.Hint; !strings.Contains(got, part) {
						t.Errorf("got %q, want %q", got, part)
					}
				}
				return
			}
			var got []string
			for _, task := range p.Graph.Tasks {
				text := task.ID
				for i, a := range task.Predecessors() {
					text += []string{"<", "+"}[min(i, 1)] + a.ID
				}
				got = append(got, text)
			}
			if got := strings.Join(got, " "); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if tt.notice != "" && !slices.ContainsFunc(p.Notices, func(n event.Notice) bool { return n.Kind == tt.notice }) {
				t.Errorf("notices %+v, want %q", p.Notices, tt.notice)
			}
		})
	}
}
