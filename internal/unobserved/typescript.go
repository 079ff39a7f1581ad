package unobserved

import (
	"os"
	"path"
	"strings"

	"github.com/tailscale/hujson"

	"github.com/heapmage/heapmage/internal/jsonc"
)

// typescript follows a tsconfig to the configurations and the sources to which it leads out of
// the package. What cannot be read leads nowhere: no compiler can read it either.
func (g *gathering) typescript(name string) {
	base := path.Base(name)
	if strings.HasSuffix(base, ".json") && (strings.HasPrefix(base, "tsconfig") || strings.HasPrefix(base, "jsconfig")) {
		g.follow(name, map[string]bool{})
	}
}

func (g *gathering) follow(name string, seen map[string]bool) {
	if seen[name] {
		return
	}
	seen[name] = true
	d, err := jsonc.Read(g.k.Workspace.Root, name)
	if err != nil || d == nil {
		return
	}
	dir := path.Dir(name)
	member := func(v hujson.Value, key string) hujson.Value {
		found, _ := jsonc.Member(v, key)
		return found
	}
	for _, text := range textsOf(member(d.Top, "extends")) {
		if !strings.HasPrefix(text, ".") {
			continue // of a package: installed, or a dependency in the workspace
		}
		at := path.Join(dir, text)
		if !g.isFile(at) {
			at += ".json"
		}
		g.lead(at, seen)
	}
	options := member(d.Top, "compilerOptions")
	base := dir
	if text, ok := jsonc.Text(orNull(member(options, "baseUrl"))); ok {
		base = path.Join(dir, text)
	}
	for _, text := range textsOf(member(d.Top, "references")) {
		g.lead(path.Join(dir, text), seen)
	}
	for _, v := range []hujson.Value{member(d.Top, "files"), member(d.Top, "include"), member(options, "typeRoots"), member(options, "rootDirs")} {
		for _, text := range textsOf(v) {
			g.lead(path.Join(dir, text), seen)
		}
	}
	if paths, ok := member(options, "paths").Value.(*hujson.Object); ok {
		for _, m := range paths.Members {
			for _, text := range textsOf(m.Value) {
				g.lead(path.Join(base, text), seen)
			}
		}
	}
}

// lead adds what a path leads to, if that is not in the package. A pattern leads to the folder
// before its first star, and a file to all of its package, but for a configuration.
func (g *gathering) lead(to string, seen map[string]bool) {
	if before, _, found := strings.Cut(to, "*"); found {
		to = path.Dir(before + "x")
	}
	switch own := g.task.Package.Dir; {
	case path.IsAbs(to) || strings.HasPrefix(to, "../") || to == "..":
		g.fault = "a tsconfig leads out of the workspace, to " + to
	case strings.Contains("/"+to+"/", "/node_modules/"):
	case isIn(own, to) && g.isFile(to) && strings.HasSuffix(to, ".json"):
		g.follow(to, seen)
	case isIn(own, to):
	case g.isFile(to) && strings.HasSuffix(to, ".json"):
		g.files[to] = true
		if dir := path.Dir(to); dir != "." && g.isPackage(dir) && !isIn(dir, own) && path.Base(to) == "tsconfig.json" {
			g.all(dir) // tsc -b builds it
		}
		g.follow(to, seen)
	case g.isFile(to):
		if pkg := g.k.packageOf(to); pkg.Dir != "." {
			g.all(pkg.Dir)
		} else {
			g.all(path.Dir(to))
		}
	default:
		if g.isFile(path.Join(to, "tsconfig.json")) {
			g.lead(path.Join(to, "tsconfig.json"), seen)
		}
		if _, err := os.Stat(g.k.abs(to)); err == nil && to != "." {
			g.all(to)
		}
	}
}

func (g *gathering) isFile(rel string) bool {
	info, err := os.Stat(g.k.abs(rel))
	return err == nil && info.Mode().IsRegular()
}

func (g *gathering) isPackage(dir string) bool { return g.k.Workspace.IsFolder(g.k.abs(dir)) }

// orNull has a value that is missing be null.
func orNull(v hujson.Value) hujson.Value {
	if v.Value == nil {
		v.Value = hujson.Literal("null")
	}
	return v
}

// textsOf are the texts in the values of an entry: itself, those of a list, or those of the
// objects in it.
func textsOf(v hujson.Value) (all []string) {
	if v.Value == nil {
		return nil
	}
	if o, ok := v.Value.(*hujson.Array); ok {
		for _, e := range o.Elements {
			if at, found := jsonc.Member(e, "path"); found {
				e = at
			}
			if text, ok := jsonc.Text(e); ok {
				all = append(all, text)
			}
		}
		return all
	}
	if text, ok := jsonc.Text(v); ok {
		return []string{text}
	}
	return nil
}
