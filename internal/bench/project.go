package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
)

// The versions that the generated workspaces are built with.
const (
	typescriptVersion = "5.9.3"
	turboVersion      = "2.11.11"
	nxVersion         = "24.0.6"
	lageVersion       = "2.17.0"
	wireitVersion     = "0.14.13"
)

// member is one package of the generated workspace. Its modules decide how much
// memory its tsc takes: about 5.5 MB each, on top of some 125 MB.
type member struct {
	name    string
	modules int
	needs   []string
}

// library says that other packages need m. The others emit no declarations, as
// applications do; the largest ones would not repeat if they did: V8 sometimes
// promotes the garbage of printing them, and the peak is 890 or 1450 MB by turns.
func (m member) library() bool {
	return slices.ContainsFunc(members, func(o member) bool { return slices.Contains(o.needs, m.name) })
}

// members are four layers of packages in dependency order, which is the order
// that "npm run --workspaces" needs. Under Node 20 their tsc reach resident sets
// of about 290, 150, 440, 590, 200, 500, 290, 390, 890, 760, 240 and 150 MB.
var members = []member{
	{"core", 30, nil},
	{"utils", 4, nil},
	{"model", 56, []string{"core", "utils"}},
	{"database", 84, []string{"core"}},
	{"i18n", 13, []string{"utils"}},
	{"ui", 66, []string{"model", "i18n"}},
	{"auth", 30, []string{"database", "utils"}},
	{"client", 47, []string{"model"}},
	{"web", 138, []string{"ui", "client", "auth"}},
	{"admin", 104, []string{"ui", "auth"}},
	{"server", 22, []string{"database", "auth", "model"}},
	{"cli", 4, []string{"client"}},
}

// scope is the npm scope of the generated packages.
const scope = "@bench/"

// writeProject writes the workspace into dir, with what each runner needs to
// build it beside the sources: one folder serves all of them.
func writeProject(dir string) error {
	files := map[string][]byte{
		".npmrc":         []byte("omit-lockfile-registry-resolved=true\nfund=false\naudit=false\n"),
		".gitignore":     []byte("node_modules\ndist\n.heapmage\n.turbo\n.nx\n.wireit\n"),
		"lage.config.js": []byte("module.exports = { npmClient: \"npm\", pipeline: { build: [\"^build\"] } };\n"),
		"turbo.json": encoded(object{
			"$schema":              "https://turborepo.com/schema.json",
			"globalPassThroughEnv": []string{environ.NodeOptions},
			"tasks":                object{"build": object{"dependsOn": []string{"^build"}, "cache": false}},
		}),
		"nx.json": encoded(object{
			"analytics":           false,
			"neverConnectToCloud": true,
			"targetDefaults":      object{"build": object{"dependsOn": []string{"^build"}, "cache": false}},
		}),
	}
	var folders, wireits []string
	for _, m := range members {
		folders = append(folders, "packages/"+m.name)
		wireits = append(wireits, "./packages/"+m.name+":build:wireit")
	}
	files["package.json"] = encoded(object{
		"name": "bench-workspace", "version": "1.0.0", "private": true,
		"packageManager": "npm@11.0.0", // Turborepo sees no packages without it
		"workspaces":     folders,
		"scripts":        object{"build:wireit": "wireit"},
		"wireit":         object{"build:wireit": object{"dependencies": wireits}},
		"devDependencies": object{
			"typescript": typescriptVersion, "turbo": turboVersion, "nx": nxVersion,
			"lage": lageVersion, "wireit": wireitVersion,
		},
	})
	for _, m := range members {
		for name, content := range m.files() {
			files["packages/"+m.name+"/"+name] = content
		}
	}
	return writeChanged(dir, files)
}

func (m member) files() map[string][]byte {
	dependencies, wireits := object{}, []string{}
	for _, n := range m.needs {
		dependencies[scope+n] = "1.0.0"
		wireits = append(wireits, "../"+n+":build:wireit")
	}
	files := map[string][]byte{
		"package.json": encoded(object{
			"name": scope + m.name, "version": "1.0.0", "private": true, "type": "module",
			"main": "dist/index.js", "types": "dist/index.d.ts",
			"scripts":      object{"build": "tsc -p tsconfig.json", "build:wireit": "wireit"},
			"wireit":       object{"build:wireit": object{"command": "tsc -p tsconfig.json", "dependencies": wireits}},
			"dependencies": dependencies,
		}),
		"tsconfig.json": encoded(object{
			"compilerOptions": object{
				"target": "es2022", "module": "nodenext", "lib": []string{"es2022"}, "types": []string{},
				"strict": true, "declaration": m.library(), "skipLibCheck": true, "rootDir": "src", "outDir": "dist",
			},
			"include": []string{"src"},
		}),
		"src/index.ts":    []byte(m.index()),
		"src/contract.ts": []byte(contract),
	}
	for i := range m.modules {
		files[fmt.Sprintf("src/records%03d.ts", i)] = []byte(records(i))
	}
	return files
}

// index is what other packages see of m. It takes from each package that m
// needs, so that a runner which builds m before them fails.
func (m member) index() string {
	var b strings.Builder
	title := strings.ToUpper(m.name[:1]) + m.name[1:]
	for _, n := range m.needs {
		fmt.Fprintf(&b, "import { count as %sCount } from %q;\n", n, scope+n)
	}
	for i := range m.modules {
		fmt.Fprintf(&b, "import { total as total%d } from \"./records%03d.js\";\n", i, i)
	}
	fmt.Fprintf(&b, "\n// %s: how many fields this package and those below it know.\nexport const count: number = 0", title)
	for _, n := range m.needs {
		fmt.Fprintf(&b, " + %sCount", n)
	}
	for i := range m.modules {
		fmt.Fprintf(&b, " + total%d", i)
	}
	b.WriteString(";\n")
	return b.String()
}

// contract holds the generic types that every record goes through.
const contract = `export type Result<T> = { ok: true; value: T } | { ok: false; problems: string[] };
export type Names<T> = readonly (keyof T & string)[];

export function missing(value: unknown, names: readonly string[]): string[] {
  if (typeof value !== "object" || value === null) return ["no object"];
  return names.filter((name) => !(name in value));
}
`

// recordsPerModule and fieldsPerRecord set the grain of the generated sources.
// They are mostly types, as in code that was generated from a schema: that takes
// much memory for the time it takes.
const (
	recordsPerModule = 40
	fieldsPerRecord  = 30
)

// records is module number i: records, and functions that read them.
func records(i int) string {
	var b strings.Builder
	b.WriteString("import { missing, type Names, type Result } from \"./contract.js\";\n")
	var names []string
	for r := range recordsPerModule {
		name := fmt.Sprintf("Record%dx%d", i, r)
		names = append(names, "names"+name)
		fmt.Fprintf(&b, "\nexport interface %s {\n", name)
		for f := range fieldsPerRecord {
			fmt.Fprintf(&b, "  field%d: %s;\n", f, fieldType(r, f))
		}
		b.WriteString("}\n")
		fmt.Fprintf(&b, "const names%[1]s: Names<%[1]s> = [\"field0\", \"field1\", \"field%[2]d\"];\n", name, fieldsPerRecord-1)
		fmt.Fprintf(&b, "export function read%[1]s(value: unknown): Result<%[1]s> {\n", name)
		fmt.Fprintf(&b, "  const problems = missing(value, names%s);\n", name)
		fmt.Fprintf(&b, "  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: value as %s };\n}\n", name)
	}
	fmt.Fprintf(&b, "\nexport const total: number = [%s].reduce((n, f) => n + f.length, 0);\n", strings.Join(names, ", "))
	return b.String()
}

// fieldType is the type of field f of a module's record r.
func fieldType(r, f int) string {
	switch f % 5 {
	case 0:
		return "number"
	case 1:
		return "string"
	case 2:
		return fmt.Sprintf("\"open%d\" | \"closed%d\" | \"held\"", r, f)
	case 3:
		return fmt.Sprintf("{ code: number; text: string; level%d: 1 | 2 | 3 }", r)
	default:
		return fmt.Sprintf("readonly { id: string; at%d?: number; tags: string[] }[]", f)
	}
}

// install installs what the package.json files under dir name, unless it was
// installed for the very same files before.
func install(ctx context.Context, dir string) error {
	sum, err := manifestsSum(dir)
	if err != nil {
		return err
	}
	mark := filepath.Join(dir, "node_modules", ".bench-installed")
	if old, err := os.ReadFile(mark); err == nil && string(old) == sum {
		return nil
	}
	c := exec.CommandContext(ctx, "npm", "install", "--no-fund", "--no-audit")
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("npm install in %s: %w\n%s", dir, err, out)
	}
	return os.WriteFile(mark, []byte(sum), 0o644)
}

// manifestsSum is a checksum of the root's and all members' package.json.
func manifestsSum(dir string) (string, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "packages", "*", "package.json"))
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, p := range append(paths, filepath.Join(dir, "package.json")) {
		content, err := os.ReadFile(p)
		if err != nil {
			return "", err
		}
		sum.Write(content)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// writeChanged writes the files, by slash path below dir, that differ from what
// is there, and removes sources of an earlier version that are no longer made.
func writeChanged(dir string, files map[string][]byte) error {
	old, err := filepath.Glob(filepath.Join(dir, "packages", "*", "src", "*.ts"))
	if err != nil {
		return err
	}
	for _, path := range old {
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if _, ok := files[filepath.ToSlash(rel)]; !ok {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		had, err := os.ReadFile(path)
		if err == nil && bytes.Equal(had, content) {
			continue
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

type object = map[string]any

// encoded is v as indented JSON. The values of this package always encode.
func encoded(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// project generates the workspace in dir and installs it. The folder becomes a
// git repository with a commit, since Lage asks for one.
func project(ctx context.Context, dir string) error {
	if dir == "" {
		return errors.New("name the folder to generate the workspace in")
	}
	if err := writeProject(dir); err != nil {
		return err
	}
	if err := install(ctx, dir); err != nil {
		return err
	}
	return commit(ctx, dir)
}

// commit puts what is in dir into a repository of its own, whatever repository
// dir lies in.
func commit(ctx context.Context, dir string) error {
	git := func(args ...string) error {
		args = append([]string{"--git-dir=.git", "--work-tree=.", "-c", "user.name=bench",
			"-c", "user.email=bench@localhost", "-c", "commit.gpgSign=false"}, args...)
		c := exec.CommandContext(ctx, "git", args...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("git %s: %w\n%s", strings.Join(args, " "), err, out)
		}
		return nil
	}
	if err := git("init", "--quiet"); err != nil {
		return err
	}
	if err := git("add", "--all"); err != nil {
		return err
	}
	return git("commit", "--quiet", "--allow-empty", "--no-verify", "--message=generated")
}
