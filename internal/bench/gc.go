package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/memtools"
)

// gcLoad is a package whose only process has a heap of more than 1 GB.
type gcLoad struct {
	name, about string
	budget      string
	files       map[string]string
}

// Both scripts raise V8's limit themselves, as those of large packages do: then
// V8 lets garbage stand until its heap has doubled.
var gcLoads = []gcLoad{
	{
		name: "lint", about: "typed eslint: much garbage", budget: "1000MB",
		files: map[string]string{
			"package.json":      `{"name": "lint", "scripts": {"build": "node --max-old-space-size=8192 ../../node_modules/eslint/bin/eslint.js -f json -o dist/report.json src"}}`,
			"eslint.config.mjs": "import tseslint from 'typescript-eslint';\nexport default tseslint.config({files: ['src/**/*.ts'], extends: [tseslint.configs.recommendedTypeChecked], languageOptions: {parserOptions: {project: './tsconfig.json', tsconfigRootDir: import.meta.dirname}}});\n",
			"tsconfig.json":     `{"compilerOptions": {"target": "es2022", "module": "nodenext", "lib": ["es2022"], "types": [], "strict": true, "noEmit": true, "skipLibCheck": true}, "include": ["src"]}`,
		},
	},
	{
		name: "compile", about: "tsc 5.9: a heap that is nearly all live", budget: "1100MB",
		files: map[string]string{
			"package.json":  `{"name": "compile", "scripts": {"build": "node --max-old-space-size=8192 ../../node_modules/typescript/bin/tsc -p ."}}`,
			"tsconfig.json": `{"compilerOptions": {"target": "es2022", "module": "nodenext", "lib": ["es2022"], "types": [], "strict": true, "outDir": "dist", "skipLibCheck": true}, "include": ["src"]}`,
		},
	},
}

// sourcesOf writes modules as applications have them: classes, generics,
// closures, promises. Each makes eslint and tsc infer some thousand types.
func sourcesOf(dir string, modules int) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for i := range modules {
		var b strings.Builder
		if i > 0 {
			fmt.Fprintf(&b, "import { Store%d, load%dx0 } from \"./module%d.js\";\n", i-1, i-1, i-1)
		}
		fmt.Fprintf(&b, "export interface Item%d { id: number; name: string; tags: readonly string[]; level: 1 | 2 | 3; nested?: { at: number; text: string } }\n", i)
		fmt.Fprintf(&b, "export class Store%d {\n  readonly items = new Map<number, Item%d>();\n  add(item: Item%d): this { this.items.set(item.id, { ...item, tags: item.tags.map((t) => t.trim()) }); return this; }\n}\n", i, i, i)
		for f := range 40 {
			fmt.Fprintf(&b, `export async function load%[1]dx%[2]d(store: Store%[1]d, input: readonly Partial<Item%[1]d>[]): Promise<Item%[1]d[]> {
  const found: Item%[1]d[] = [];
  for (const [index, part] of input.entries()) {
    const item = { id: part.id ?? index + %[2]d, name: part.name ?? "item %[1]d %[2]d", tags: part.tags ?? [], level: part.level ?? 1, ...(part.nested ? { nested: part.nested } : {}) } satisfies Item%[1]d;
    if (item.tags.some((tag) => tag.startsWith("hidden")) || (item.nested?.at ?? 0) > %[3]d) continue;
    switch (item.level) {
      case 1: store.add(item); break;
      case 2: store.add({ ...item, name: item.name.toUpperCase() }); break;
      default: await Promise.resolve(item.name.length + %[2]d).then((length) => store.add({ ...item, id: length }));
    }
    found.push(item);
  }
  return found.filter((one) => store.items.has(one.id)).sort((a, b) => a.id - b.id || a.name.localeCompare(b.name));
}
`, i, f, 7*f)
		}
		if i > 0 {
			fmt.Fprintf(&b, "export const chained%d = async (): Promise<number> => (await load%dx0(new Store%d(), [{ id: %d }])).length;\n", i, i-1, i-1, i)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("module%d.ts", i)), []byte(b.String()), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// gcProject makes the workspace of the loads.
func gcProject(ctx context.Context, dir string) error {
	files := map[string]string{
		"package.json": `{"name": "gc-loads", "private": true, "workspaces": ["packages/*"], "devDependencies": {"eslint": "10.15.0", "typescript": "5.9.3", "typescript-eslint": "8.73.0"}}`,
		".npmrc":       "omit-lockfile-registry-resolved=true\nfund=false\naudit=false\n",
	}
	for _, l := range gcLoads {
		for name, text := range l.files {
			files["packages/"+l.name+"/"+name] = text
		}
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	for name, modules := range map[string]int{"lint": 110, "compile": 420} {
		if err := sourcesOf(filepath.Join(dir, "packages", name, "src"), modules); err != nil {
			return err
		}
	}
	c := exec.CommandContext(ctx, "npm", "install")
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("npm install: %w\n%s", err, out)
	}
	return nil
}

// gcRun is one run of a load.
type gcRun struct {
	wall        time.Duration
	peak, freed memtools.Bytes
	collections int
	pause       time.Duration // of all collections together
	output      [sha256.Size]byte
}

func (r gcRun) String() string {
	return fmt.Sprintf("%.1fs, peak %v, %d GCs in %.1fs freed %v", r.wall.Seconds(), r.peak, r.collections, r.pause.Seconds(), r.freed)
}

// gc runs each load with automatic garbage collection and without, by turns.
func gc(ctx context.Context, pairs int) error {
	dir, err := os.MkdirTemp("", "heapmage-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	project := filepath.Join(dir, "project")
	binary, err := heapmageBinary(ctx, "", dir)
	if err != nil {
		return err
	}
	if err := gcProject(ctx, project); err != nil {
		return err
	}
	for _, l := range gcLoads {
		fmt.Printf("%s, budget %s\n", l.about, l.budget)
		var with, without []time.Duration
		var peakWith, peakWithout, freed memtools.Bytes
		same := true
		for i := range pairs {
			var both [2]gcRun // without and with
			for turn := range 2 {
				auto := (turn + i) % 2
				if both[auto], err = l.run(ctx, project, binary, auto == 1); err != nil {
					return err
				}
			}
			fmt.Printf("  pair %d: without %v\n          with    %v\n", i+1, both[0], both[1])
			without, with = append(without, both[0].wall), append(with, both[1].wall)
			peakWithout, peakWith = peakWithout+both[0].peak/memtools.Bytes(pairs), peakWith+both[1].peak/memtools.Bytes(pairs)
			freed += both[1].freed / memtools.Bytes(pairs)
			same = same && both[0].output == both[1].output
		}
		fmt.Printf("  mean peak %v without, %v with (%.0f %% less); freed %v a run; time with / without %v; output the same: %v\n\n",
			peakWithout, peakWith, 100*(1-float64(peakWith)/float64(peakWithout)), freed, ratioOf(with, without), same)
		if !same {
			return errors.New("the outputs differ")
		}
	}
	return nil
}

func (l gcLoad) run(ctx context.Context, project, binary string, auto bool) (r gcRun, err error) {
	output := filepath.Join(project, "packages", l.name, "dist")
	for _, old := range []string{output, filepath.Join(project, ".heapmage")} {
		if err := os.RemoveAll(old); err != nil {
			return r, err
		}
	}
	c := exec.CommandContext(ctx, binary, "build:managed", "-workspace="+l.name)
	c.Dir = project
	c.Env = append(os.Environ(), environ.Budget+"="+l.budget, fmt.Sprintf("%s=%v", environ.GCAuto, auto), environ.NodeOptions+"=")
	if out, err := c.CombinedOutput(); err != nil {
		return r, fmt.Errorf("%s: %w\n%s", l.name, err, out)
	}
	records, err := filepath.Glob(filepath.Join(project, ".heapmage/runs/*/events.jsonl"))
	if err != nil {
		return r, err
	}
	if len(records) != 1 {
		return r, fmt.Errorf("%d records of one run", len(records))
	}
	text, err := os.ReadFile(records[0])
	if err != nil {
		return r, err
	}
	events, err := event.Decode(bytes.NewReader(text))
	if err != nil {
		return r, err
	}
	for _, e := range events {
		switch e := e.Event.(type) {
		case event.TaskFinished:
			r.wall, r.peak = e.Duration, e.Peak
		case event.GCFinished:
			r.collections++
			r.freed += e.Freed
			for _, p := range e.Processes {
				r.pause += p.Duration
			}
		}
	}
	r.output, err = digest(output)
	return r, err
}

// digest is one sum over the names and contents of all files below dir.
func digest(dir string) (sum [sha256.Size]byte, err error) {
	all := sha256.New()
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(all, "%s %x\n", strings.TrimPrefix(path, dir), sha256.Sum256(text))
		return err
	})
	return [sha256.Size]byte(all.Sum(nil)), err
}
