package gomod

import (
	"bytes"
	"go/build"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/folder"
)

// listFiles prints the files of a module's packages, one a line, without what Go
// leaves out: nested modules, testdata, vendor and ignored folders.
const listFiles = `go list -f '{{$d := .Dir}}` +
	`{{range .GoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{range .CgoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}` +
	`{{range .TestGoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{range .XTestGoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}` +
	`{{range .IgnoredGoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}' ./...`

// onFiles runs a command on those files. Zero bytes separate them for xargs, since
// a path may hold spaces; the empty lines that go list prints are dropped.
func onFiles(command string) string {
	return listFiles + ` | sed '/^$/d' | tr '\n' '\0' | xargs -0 ` + command
}

// Scripts are a module's commands by the name of the script that they stand for:
// build, typecheck, test, lint, lint:fix and clean, and bundle if the module has a
// program. lint runs golangci-lint or staticcheck if the module's folder or the
// workspace's root has its configuration. mod is the module's go.mod.
func Scripts(root, dir string, mod *File) map[string]string {
	unformatted := `files=$(` + onFiles("gofmt -l") + `) && if [ -n "$files" ]; then echo "not formatted with gofmt:"; echo "$files"; exit 1; fi`
	scripts := map[string]string{
		"build":     "go build ./...",
		"typecheck": "go vet ./...",
		"test":      "go test ./...",
		"lint":      unformatted + " && go vet ./...",
		"lint:fix":  onFiles("gofmt -w") + " && go vet ./...",
		"clean":     "go clean ./...",
	}
	switch {
	case hasAny(root, dir, ".golangci.yml", ".golangci.yaml", ".golangci.toml", ".golangci.json"):
		run := command(mod, "golangci-lint") + " run"
		scripts["lint"], scripts["lint:fix"] = run+" ./...", run+" --fix ./..."
	case hasAny(root, dir, "staticcheck.conf"):
		check := " && " + command(mod, "staticcheck") + " ./..."
		scripts["lint"] += check
		scripts["lint:fix"] += check
	}
	if hasMain(dir) {
		// Without -o, "go build" leaves a program behind if the pattern matches
		// a single package.
		scripts["build"] = "go build -o " + os.DevNull + " ./..."
		scripts["bundle"] = "go build -o bin/ ./..."
	}
	return scripts
}

// command is how a tool is started: with "go tool" if go.mod lists it.
func command(mod *File, name string) string {
	for _, tool := range mod.Tools {
		if path.Base(tool) == name {
			return "go tool " + name
		}
	}
	return name
}

func hasAny(root, dir string, files ...string) bool {
	return slices.ContainsFunc(files, func(f string) bool {
		return folder.HasFile(dir, f) || folder.HasFile(root, f)
	})
}

// hasMain reports whether a module has a program that builds on this system.
func hasMain(dir string) bool {
	found := false
	_ = filepath.WalkDir(dir, func(at string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // what cannot be read cannot be built
		}
		name := e.Name()
		hidden := strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
		if e.IsDir() {
			nested := folder.HasFile(at, "go.mod")
			if at != dir && (hidden || name == "testdata" || name == "vendor" || name == "node_modules" || nested) {
				return filepath.SkipDir
			}
			return nil
		}
		if hidden || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || !isMain(at) {
			return nil
		}
		if ok, err := build.Default.MatchFile(filepath.Dir(at), name); ok && err == nil {
			found = true
			return filepath.SkipAll
		}
		return nil
	})
	return found
}

// longestHeader is how much of a Go file is read for its package clause: comments may
// stand before it.
const longestHeader = 64 << 10

// isMain reads a Go file up to its package clause. What is no regular file is none.
func isMain(file string) bool {
	for line := range bytes.Lines(folder.Head(filepath.Dir(file), filepath.Base(file), longestHeader)) {
		if name, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("package ")); ok {
			name, _, _ = bytes.Cut(name, []byte("//"))
			return string(bytes.TrimSpace(name)) == "main"
		}
	}
	return false
}
