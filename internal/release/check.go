package main

import (
	"bytes"
	"context"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/version"
)

// check reads what was written as its users will get it, and returns all that is wrong.
func (r release) check(ctx context.Context) error {
	tarballs, err := r.unpack()
	if err != nil {
		return err
	}
	return r.checkFiles(ctx, tarballs)
}

// unpack returns the files of all tarballs, by the tarball's name.
func (r release) unpack() (map[string][]file, error) {
	tarballs := map[string][]file{}
	return tarballs, r.results(func(name string, content []byte) (err error) {
		if strings.HasSuffix(name, ".tgz") {
			tarballs[name], err = unpack(content)
		}
		return err
	})
}

func (r release) checkFiles(ctx context.Context, tarballs map[string][]file) error {
	private, err := r.machine(ctx)
	if err != nil {
		return err
	}
	var faults []error
	var names []string
	for _, p := range r.platforms {
		names = append(names, "@heapmage/"+p.String())
		path := "npm/platforms/heapmage-" + p.String() + "-" + r.version + ".tgz"
		content := []string{"LICENSE", "NOTICES.txt", "README.md", "bin/heapmage" + p.exe() + "*", "package.json"}
		faults = append(faults, r.checkPackage(path, tarballs[path], content, private, func(m manifest, program []byte) error {
			if m.Name != names[len(names)-1] || !slices.Equal(m.OS, []string{p.os}) || !slices.Equal(m.CPU, []string{p.cpu}) || !m.PreferUnplugged {
				return fmt.Errorf("package.json is of %s, for %q and %q", m.Name, m.OS, m.CPU)
			}
			return errors.Join(r.checkProgram(p, program), r.start(ctx, p))
		}))
	}
	path := "npm/heapmage-" + r.version + ".tgz"
	content := []string{"LICENSE", "README.md", "bin/heapmage.js*", "package.json"}
	return errors.Join(append(faults, r.checkPackage(path, tarballs[path], content, private, func(m manifest, shim []byte) error {
		if m.Name != "heapmage" || m.Bin["heapmage"] != "bin/heapmage.js" || len(m.OptionalDependencies) != len(names) {
			return fmt.Errorf("package.json is of %s, with %q", m.Name, m.Bin)
		}
		for _, name := range names {
			if m.OptionalDependencies[name] != r.version {
				return fmt.Errorf("package.json wants %s %q", name, m.OptionalDependencies[name])
			}
			if p := strings.TrimPrefix(name, "@heapmage/"); !bytes.Contains(shim, []byte("'"+p+"'")) {
				return fmt.Errorf("heapmage.js does not know %s", p)
			}
		}
		return nil
	}))...)
}

// checkPackage compares the files of a tarball with their names, to which a star is added if
// they can be executed, and calls more with the package.json and the file that can be.
func (r release) checkPackage(path string, all []file, want, private []string, more func(manifest, []byte) error) (err error) {
	var got []string
	var m manifest
	var program []byte
	for _, f := range all {
		name := f.name
		if f.executable {
			name, program = name+"*", f.content
		}
		got = append(got, name)
		for _, secret := range private {
			if bytes.Contains(f.content, []byte(secret)) {
				err = errors.Join(err, fmt.Errorf("%s: %s has %s, a path of this machine", path, f.name, secret))
			}
		}
		if f.name == "package.json" {
			err = errors.Join(err, json.Unmarshal(f.content, &m))
		}
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("%s: has %q, not %q", path, got, want)
	}
	if m.Version != r.version || m.License == "" || m.Repository.URL == "" {
		err = errors.Join(err, fmt.Errorf("%s: package.json has version %q, licence %q and repository %q", path, m.Version, m.License, m.Repository.URL))
	}
	if wrong := more(m, program); wrong != nil {
		err = errors.Join(err, fmt.Errorf("%s: %w", path, wrong))
	}
	return err
}

// machine returns the folders of this machine that no file may name.
func (r release) machine(ctx context.Context) ([]string, error) {
	folders, err := output(ctx, r.root, "go", "env", "GOROOT", "GOMODCACHE", "GOCACHE")
	if err != nil {
		return nil, err
	}
	private := append(strings.Fields(folders), r.root, r.to)
	if home, err := os.UserHomeDir(); err == nil && len(home) > len("/root") {
		private = append(private, home)
	}
	return private, nil
}

// checkProgram checks that a program is static, has no symbols, and is for its platform.
func (r release) checkProgram(p platform, program []byte) error {
	if !bytes.Contains(program, []byte(version.Before+r.version+version.After)) {
		return fmt.Errorf("the program is not of version %s", r.version)
	}
	arm := p.cpu == "arm64"
	wrong := fmt.Errorf("the program is not for %v, or not static and without symbols", p)
	switch p.goos {
	case "linux":
		f, err := elf.NewFile(bytes.NewReader(program))
		if err != nil {
			return err
		}
		machine := map[bool]elf.Machine{false: elf.EM_X86_64, true: elf.EM_AARCH64}[arm]
		loaded := slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC })
		if f.Machine != machine || f.Type != elf.ET_EXEC || loaded || f.Section(".symtab") != nil {
			return wrong
		}
	case "darwin":
		f, err := macho.NewFile(bytes.NewReader(program))
		if err != nil {
			return err
		}
		cpu := map[bool]macho.Cpu{false: macho.CpuAmd64, true: macho.CpuArm64}[arm]
		const signature = 0x1d // LC_CODE_SIGNATURE: macOS kills a program for arm64 that has none
		signed := slices.ContainsFunc(f.Loads, func(l macho.Load) bool { return f.ByteOrder.Uint32(l.Raw()) == signature })
		if f.Cpu != cpu || f.Type != macho.TypeExec || f.Section("__zdebug_info") != nil || f.Section("__debug_info") != nil || arm && !signed {
			return wrong
		}
	case "windows":
		f, err := pe.NewFile(bytes.NewReader(program))
		if err != nil {
			return err
		}
		machine := map[bool]uint16{false: pe.IMAGE_FILE_MACHINE_AMD64, true: pe.IMAGE_FILE_MACHINE_ARM64}[arm]
		header, ok := f.OptionalHeader.(*pe.OptionalHeader64)
		if f.Machine != machine || !ok || header.Subsystem != pe.IMAGE_SUBSYSTEM_WINDOWS_CUI || len(f.Symbols) > 0 {
			return wrong
		}
	}
	return nil
}

// start runs the program that is for this machine, outside of any repository.
func (r release) start(ctx context.Context, p platform) error {
	if p.goos != runtime.GOOS || p.goarch != runtime.GOARCH {
		return nil
	}
	text, err := output(ctx, os.TempDir(), r.program(p), "--version")
	if err == nil && text != "heapmage "+r.version {
		err = fmt.Errorf("--version prints %q", text)
	}
	return err
}

// again builds everything once more, from a copy of what Git tracks in another folder, and
// compares the two.
func (r release) again(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "heapmage-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	tracked, err := output(ctx, r.root, "git", "ls-files", "-z")
	if err != nil {
		return err
	}
	second := r
	second.root, second.to = filepath.Join(dir, "root"), filepath.Join(dir, "to")
	for name := range strings.SplitSeq(strings.TrimSuffix(tracked, "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(r.root, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // removed, and not committed yet
		}
		if err != nil {
			return err
		}
		file := filepath.Join(second.root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, content, 0o644); err != nil { //nolint:gosec // a copy
			return err
		}
	}
	if err := second.build(ctx); err != nil {
		return err
	}
	var faults []error
	err = r.results(func(name string, content []byte) error {
		other, err := os.ReadFile(filepath.Join(second.to, name))
		if err == nil && !bytes.Equal(content, other) {
			faults = append(faults, fmt.Errorf("%s: has other bytes when it is built again", name))
		}
		return err
	})
	return errors.Join(append(faults, err)...)
}
