// Package debian downloads and unpacks Debian packages for tests: a program, or a
// kernel, that need not be installed for them. It needs no root and runs none of the
// packages' scripts. It needs apt-get and dpkg-deb.
package debian

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Packages are what to unpack.
type Packages struct {
	// Whole come with the packages that they depend on and that are not installed.
	Whole []string
	// Alone come without what they depend on.
	Alone []string
	// Meta are meta-packages. In place of each comes the one that it depends on, alone.
	Meta []string
}

// Unpack returns a folder with the files of the packages. The folder is below the user's
// cache folder, and is kept for the next call. If it fails it fetches the lists of packages,
// which root may do, and tries once more: they may be missing, or older than the archive.
func Unpack(ctx context.Context, p Packages) (dir string, err error) {
	dir, err = unpacked(ctx, p)
	if err == nil {
		return dir, nil
	}
	if _, failed := run(ctx, "", "apt-get", "update"); failed != nil {
		return "", err
	}
	return unpacked(ctx, p)
}

func unpacked(ctx context.Context, p Packages) (dir string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	names, err := resolve(ctx, p.Whole)
	if err != nil {
		return "", err
	}
	for _, meta := range p.Meta {
		name, err := latest(ctx, meta)
		if err != nil {
			return "", err
		}
		names = append(names, name)
	}
	names = append(names, p.Alone...)
	sum := sha256.Sum256([]byte(strings.Join(names, " ")))
	dir = filepath.Join(cache, "heapmage-test", "debian-"+hex.EncodeToString(sum[:6]))
	if there(dir) {
		return dir, nil
	}
	// Under another name until it is whole: two tests may do this at once.
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	partial, err := os.MkdirTemp(filepath.Dir(dir), "partial-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(partial)
	if err := unpack(ctx, names, partial); err != nil {
		return "", err
	}
	if err := os.Rename(filepath.Join(partial, "root"), dir); err != nil && !there(dir) {
		return "", err
	}
	return dir, nil
}

func there(path string) bool { _, err := os.Stat(path); return err == nil }

// resolve returns the packages and their dependencies, without those that are installed,
// each as name=version.
func resolve(ctx context.Context, packages []string) ([]string, error) {
	out, err := run(ctx, "", "apt-get", append([]string{"install", "--simulate", "--no-install-recommends", "--yes"}, packages...)...)
	if err != nil {
		return nil, err
	}
	var names []string
	for line := range strings.Lines(out) { // Inst libaio1 (0.3.113-4 Debian:12/stable [amd64])
		if f := strings.Fields(line); len(f) > 2 && f[0] == "Inst" {
			names = append(names, f[1]+"="+strings.TrimPrefix(f[2], "("))
		}
	}
	slices.Sort(names)
	return names, nil
}

// unpack downloads the packages into dir, and unpacks them into its folder root.
func unpack(ctx context.Context, packages []string, dir string) error {
	if _, err := run(ctx, dir, "apt-get", append([]string{"download"}, packages...)...); err != nil {
		return err
	}
	archives, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil {
		return err
	}
	for _, archive := range archives {
		if _, err := run(ctx, dir, "dpkg-deb", "--extract", archive, "root"); err != nil {
			return err
		}
	}
	return nil
}

// latest returns the one package that the meta-package depends on.
func latest(ctx context.Context, meta string) (string, error) {
	out, err := run(ctx, "", "apt-cache", "depends", "--important", meta)
	if err != nil {
		return "", err
	}
	if _, name, ok := strings.Cut(out, "Depends: "); ok {
		return strings.TrimSpace(name), nil
	}
	return "", fmt.Errorf("%s depends on no package", meta)
}

// Libraries is the environment variable that lets the programs in dir, which Unpack
// returned, find their libraries.
func Libraries(dir string) string {
	return "LD_LIBRARY_PATH=" + filepath.Join(dir, "usr/lib/x86_64-linux-gnu") + ":" + filepath.Join(dir, "lib/x86_64-linux-gnu")
}

func run(ctx context.Context, dir, name string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir, c.Env = dir, append(os.Environ(), "LC_ALL=C")
	out, err := c.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, exit.Stderr)
	}
	return string(out), err
}
