package selection

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/workspace"
)

// anyGraph is a workspace in memory with up to 200 packages, which depend on each other in
// circles, too.
func anyGraph(r *rand.Rand) *workspace.Workspace {
	root := &workspace.Package{Name: "top", DeclaredName: "top", Dir: "."}
	ws := &workspace.Workspace{Root: "/top", RootPackage: root}
	n := 1 + r.IntN(20)
	if r.IntN(5) == 0 {
		n = 200
	}
	for i := range n {
		name := fmt.Sprintf("p%d", i)
		p := &workspace.Package{Name: name, DeclaredName: name, Dir: fmt.Sprintf("%s/%s", []string{"apps", "libs"}[r.IntN(2)], name)}
		if r.IntN(3) == 0 {
			p.Name = "@s/" + name
			p.DeclaredName = p.Name
		}
		ws.Packages = append(ws.Packages, p)
	}
	ws.Packages = append(ws.Packages, &workspace.Package{Name: "x", DeclaredName: "x", Dir: "x"}) // never alone
	all := append(slices.Clone(ws.Packages), root)
	for range r.IntN(3 * n) {
		from, to := all[r.IntN(len(all))], all[r.IntN(len(all))]
		if from != to {
			from.Dependencies = append(from.Dependencies, workspace.Dependency{To: to})
		}
	}
	return ws
}

// relation tells which packages, by their places in All, depend on which others, directly or
// not, by Warshall's algorithm.
func relation(ws *workspace.Workspace) [][]bool {
	all := ws.All()
	needs := make([][]bool, len(all))
	for i, p := range all {
		needs[i] = make([]bool, len(all))
		for _, d := range p.Dependencies {
			needs[i][slices.Index(all, d.To)] = true
		}
	}
	for k := range all {
		for i := range all {
			for j := range all {
				needs[i][j] = needs[i][j] || i != j && needs[i][k] && needs[k][j]
			}
		}
	}
	return needs
}

// meaning is what a filter means by its definition, by places in All, without the code that
// is tested.
func meaning(ws *workspace.Workspace, needs [][]bool, f filter, changed []bool) []bool {
	all := ws.All()
	root := slices.Index(all, ws.RootPackage)
	each := func(is func(i int) bool) []bool {
		found := make([]bool, len(all))
		for i := range all {
			found[i] = is(i)
		}
		return found
	}
	holds := func(some []bool, of func(i int) bool) bool {
		for i, is := range some {
			if is && of(i) {
				return true
			}
		}
		return false
	}
	entry := each(func(i int) bool {
		p := all[i]
		switch {
		case i == root && f.name != rootName:
			return false
		case f.folder != "" && !strings.HasPrefix(p.Dir, strings.TrimSuffix(strings.TrimPrefix(f.folder, "./"), "/*")+"/"):
			return false
		case f.name == rootName && i != root, f.name != "" && f.name != "*" && f.name != rootName && f.name != p.Name && f.name != p.Dir:
			return false
		}
		return f.span == Range{} || changed[i] && !(f.orBelow && f.others) ||
			f.orBelow && holds(changed, func(c int) bool { return needs[i][c] })
	})
	above := each(func(i int) bool {
		return f.dependents && i != root && holds(entry, func(e int) bool { return needs[i][e] })
	})
	return each(func(i int) bool {
		needed := func(by int) bool { return needs[by][i] }
		return above[i] || entry[i] && !f.others || f.dependencies && i != root && (holds(entry, needed) || holds(above, needed))
	})
}

// write is a filter as a user writes it.
func (f filter) write() string {
	text := f.name
	if f.folder != "" {
		text += "{" + f.folder + "}"
	}
	if f.span != (Range{}) {
		if f.orBelow {
			text += "..."
		}
		text += "[" + f.span.From
		if f.span.To != "" {
			text += "..." + f.span.To
		}
		text += "]"
	}
	caret := ""
	if f.others {
		caret = "^"
	}
	if f.dependents {
		text = "..." + caret + text
	}
	if f.dependencies {
		text += caret + "..."
	}
	if f.leavesOut {
		text = "!" + text
	}
	return text
}

func drawFilter(r *rand.Rand, ws *workspace.Workspace) (f filter) {
	yes := func() bool { return r.IntN(2) == 0 }
	p := ws.Packages[r.IntN(len(ws.Packages)-1)]
	switch r.IntN(6) {
	case 0:
		f.name = []string{"*", rootName}[r.IntN(2)]
	case 1, 2:
		f.name = []string{p.Name, p.Dir}[r.IntN(2)]
	case 3:
		f.name, f.folder = p.Name, strings.Split(p.Dir, "/")[0]
	case 4:
		f.folder = []string{"", "./"}[r.IntN(2)] + strings.Split(p.Dir, "/")[0] + []string{"", "/*"}[r.IntN(2)]
	}
	if f.name+f.folder == "" || r.IntN(4) == 0 {
		f.span = Range{From: "main"}
		if yes() {
			f.span.To = "topic"
		}
		f.orBelow = f.name+f.folder != "" && yes()
	}
	f.leavesOut, f.dependents, f.dependencies = r.IntN(3) == 0, yes(), yes()
	f.others = (f.dependents || f.dependencies) && yes()
	return f
}

// TestMeaning holds what random texts select in random workspaces against the definition of
// the language, and that neither the order of filters nor saying one twice matters.
func TestMeaning(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		ws := anyGraph(r)
		all, needs := ws.All(), relation(ws)
		changed := map[Range][]bool{}
		asSet := map[Range]set{}
		for _, span := range []Range{{"main", ""}, {"main", "topic"}} {
			changed[span], asSet[span] = make([]bool, len(all)), set{}
			for i, p := range all {
				changed[span][i] = r.IntN(5) == 0
				asSet[span][p] = changed[span][i]
			}
		}
		space := Space{Workspace: ws, Changed: func(_ string, r Range) (map[*workspace.Package]bool, error) { return asSet[r], nil }}
		for range 10 {
			in, out := make([]bool, len(all)), make([]bool, len(all))
			var texts []string
			some := false
			for range 1 + r.IntN(3) {
				f := drawFilter(r, ws)
				texts = append(texts, f.write())
				into := in
				if f.leavesOut {
					into = out
				}
				some = some || !f.leavesOut
				for i, is := range meaning(ws, needs, f, changed[f.span]) {
					into[i] = into[i] || is
				}
			}
			var want []string
			for i, p := range all {
				if (in[i] || !some && p != ws.RootPackage) && !out[i] {
					want = append(want, p.Dir)
				}
			}
			slices.Sort(want)
			slices.Sort(texts)
			for _, order := range [][]string{texts, append(slices.Clone(texts), texts...), reversed(texts)} {
				text := strings.Join(order, ", ")
				found, err := space.Select("-workspace", text)
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if got := dirsOf(found.Packages); got != strings.Join(want, " ") {
					t.Fatalf("seed %d: %s selects %s\nwant %s", seed, text, got, strings.Join(want, " "))
				}
			}
		}
	}
}

func reversed(texts []string) []string {
	texts = slices.Clone(texts)
	slices.Reverse(texts)
	return texts
}

// FuzzParse holds that a filter that is understood can be written so that it is understood to
// be the same, and that a mistake has a text.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"core", "...^@s/web^...", "!{./apps/*}...[main]", "...web{apps}[a...b]...", "{a,b}", "../x/{y,z}", "[ab]c", ".", "..", "....", "//", "[main..topic]", "a[b]{c}"} {
		f.Add(text)
	}
	none := func(string) bool { return false }
	f.Fuzz(func(t *testing.T, text string) {
		read, mistake := parse(text, none)
		if mistake != nil {
			if mistake.What == "" || mistake.Hint == "" {
				t.Errorf("%q: %+v", text, mistake)
			}
			return
		}
		again, mistake := parse(read.write(), none)
		if mistake != nil {
			t.Fatalf("%q is understood, and %q is not: %v", text, read.write(), mistake)
		}
		again.text, read.text = "", ""
		if again != read {
			t.Errorf("%q is %+v, and %q is %+v", text, read, read.write(), again)
		}
	})
}
