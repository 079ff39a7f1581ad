// Command release builds all that a release of heapmage consists of, for people without Go,
// and checks it: a static program for each platform, npm packages of them, and checksums.
//
//	go run ./internal/release -tag v1.2.3 -to dist/release
//
// It publishes nothing, and needs no Node. docs/releasing.md tells how its results are released.
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/Masterminds/semver/v3"

	"github.com/heapmage/heapmage/memtools"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	tag := flag.String("tag", "v0.0.0", "the tag of the release; all packages get its version")
	to := flag.String("to", "dist/release", "the folder to write to, which is emptied before")
	only := flag.String("only", "", "platforms such as linux-x64, with commas; all if left out")
	twice := flag.Bool("twice", false, "build all again from a copy of the tracked files, and compare")
	flag.Parse()
	number, versioned := strings.CutPrefix(*tag, "v")
	if _, err := semver.StrictNewVersion(number); err != nil || !versioned {
		return fmt.Errorf("-tag=%s: is no version such as v1.2.3", *tag)
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	root, err := output(ctx, ".", "go", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(*to)
	if err != nil {
		return err
	}
	r := release{root: root, version: number, platforms: chosen, to: dir}
	if err := errors.Join(r.build(ctx), r.check(ctx)); err != nil {
		return err
	}
	if *twice {
		if err := r.again(ctx); err != nil {
			return err
		}
	}
	return r.show()
}

// release is one build of a release.
type release struct {
	root      string // of the repository
	version   string // such as 1.2.3
	platforms []platform
	to        string // the folder for all results
}

// build writes all results.
func (r release) build(ctx context.Context) error {
	if err := os.RemoveAll(r.to); err != nil {
		return err
	}
	for _, dir := range []string{"programs", "npm/platforms"} {
		if err := os.MkdirAll(filepath.Join(r.to, dir), 0o755); err != nil {
			return err
		}
	}
	for _, p := range r.platforms {
		if err := r.compile(ctx, p); err != nil {
			return err
		}
	}
	packages, err := r.packages(ctx)
	if err != nil {
		return err
	}
	for _, p := range packages {
		if err := p.write(filepath.Join(r.to, p.path)); err != nil {
			return err
		}
	}
	return r.sums()
}

// sums writes the SHA-256 digests of all results, as sha256sum --check reads them.
func (r release) sums() error {
	var text strings.Builder
	err := r.results(func(name string, content []byte) error {
		fmt.Fprintf(&text, "%x  %s\n", sha256.Sum256(content), name)
		return nil
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.to, "SHA256SUMS"), []byte(text.String()), 0o644) //nolint:gosec // it is published
}

// results calls f with each file that was written so far, in the order of the names.
func (r release) results(f func(name string, content []byte) error) error {
	return filepath.WalkDir(r.to, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(r.to, path)
		if err != nil {
			return err
		}
		return f(filepath.ToSlash(name), content)
	})
}

// show prints what was written, with sizes.
func (r release) show() error {
	return r.results(func(name string, content []byte) error {
		fmt.Printf("%10v  %s\n", memtools.Bytes(len(content)), name)
		return nil
	})
}

// output returns what a command prints, without white space around it.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = dir
	out, err := c.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, exit.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}
