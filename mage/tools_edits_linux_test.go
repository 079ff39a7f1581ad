package mage_test

import (
	"fmt"
	"path/filepath"

	"github.com/heapmage/heapmage/internal/testkit"
)

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
	switch w.random.IntN(23) {
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
	case 21:
		w.node = pick(w, "", otherNode(w.T))
		return "Node of " + w.node + " (empty: that of PATH)"
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
			testkit.WriteAll(w.T, w.root, map[string]string{"packages/" + name + "/package.json": m.manifest(w.scripts[name], w.described[name], w.tiny)})
		}
	}
}
