package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var legal = regexp.MustCompile(`(?i)^(licen[sc]e|copying|notice)(\.(md|txt))?$`)

// notices returns the licences of all modules that are linked into a program, and of Go's
// library: they ask for their text to go with it.
func (r release) notices(ctx context.Context, program string) ([]byte, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return nil, err
	}
	goroot, err := output(ctx, r.root, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString("heapmage has code of these, under the licences below each.\n")
	if err := addNotices(&b, "Go "+info.GoVersion, goroot); err != nil {
		return nil, err
	}
	for _, m := range info.Deps {
		if strings.HasPrefix(m.Path, "github.com/heapmage/") {
			continue
		}
		dir, err := output(ctx, r.source(), "go", "list", "-m", "-f", "{{.Dir}}", m.Path)
		if err != nil {
			return nil, err
		}
		if err := addNotices(&b, m.Path+" "+m.Version, dir); err != nil {
			return nil, err
		}
	}
	return []byte(b.String()), nil
}

func addNotices(b *strings.Builder, name, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	found := false
	for _, e := range entries {
		if !legal.MatchString(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		found = true
		fmt.Fprintf(b, "\n---- %s\n\n%s\n", name, strings.TrimSpace(string(text)))
	}
	if !found {
		return fmt.Errorf("%s: no licence in %s", name, dir)
	}
	return nil
}
