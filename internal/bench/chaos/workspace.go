//go:build linux

package chaos

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/heapmage/heapmage/memtools"
)

// The folders of a plan. Only what is in the workspaces may change.
const (
	outside = "outside" // other people's files
	home    = "home"
	temp    = "tmp"
)

// lay makes the folders of the plan in dir, and returns those of the workspaces.
func (p plan) lay(dir, program string) (roots []string, err error) {
	files := map[string][]byte{
		filepath.Join(outside, "precious.txt"):     []byte("other people's\n"),
		filepath.Join(outside, "deep", "more.txt"): []byte("more of it\n"),
	}
	for i, b := range p.builds {
		root := fmt.Sprintf("work%d", i)
		for name, content := range b.files(p.known, program) {
			files[filepath.Join(root, name)] = content
		}
		roots = append(roots, filepath.Join(dir, root))
	}
	for _, name := range []string{home, temp} {
		err = errors.Join(err, os.MkdirAll(filepath.Join(dir, name), 0o755))
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644))
	}
	return roots, err
}

// files are the files of a workspace.
func (b build) files(known bool, program string) map[string][]byte {
	files := map[string][]byte{
		"package.json":       manifest(map[string]any{"name": "chaos", "private": true, "workspaces": []string{"packages/*"}}),
		"node_modules/.keep": nil, // so that nothing is installed
	}
	var config strings.Builder
	fmt.Fprintf(&config, "concurrency: %d\ntasks: {build: {outputs: [dist/**]}}\n", b.concurrency)
	if b.suspend {
		config.WriteString("onPressure: suspend\n")
	}
	if known {
		config.WriteString("packages:\n")
	}
	for _, t := range b.tasks {
		needs := map[string]string{}
		for _, name := range t.after {
			needs[name] = "1.0.0"
		}
		files[filepath.Join("packages", t.name, "package.json")] = manifest(map[string]any{"name": t.name, "version": "1.0.0",
			"scripts": map[string]string{"build": t.command(program)}, "dependencies": needs})
		if known {
			fmt.Fprintf(&config, "  %s: {need: %dMB}\n", t.name, t.shape.Peak()/memtools.MB+1)
		}
	}
	files["heapmage.yaml"] = []byte(config.String())
	return files
}

// manifest encodes a package.json. Its values always encode.
func manifest(fields map[string]any) []byte {
	text, err := json.MarshalIndent(fields, "", "  ")
	if err != nil {
		panic(err)
	}
	return text
}

// built lists the tasks of the workspace at root whose output is whole.
func (b build) built(root string) map[string]bool {
	all := map[string]bool{}
	for _, t := range b.tasks {
		text, err := os.ReadFile(filepath.Join(root, "packages", t.name, output))
		if err == nil && string(text) == whole(t.name) {
			all[t.name] = true
		}
	}
	return all
}

// clean removes the outputs.
func (b build) clean(root string) (err error) {
	for _, t := range b.tasks {
		err = errors.Join(err, os.RemoveAll(filepath.Join(root, "packages", t.name, "dist")))
	}
	return err
}
