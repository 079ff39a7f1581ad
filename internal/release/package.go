package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// files are what the packages have beside what is built.
//
//go:embed files
var files embed.FS

// pack is an npm package.
type pack struct {
	path     string // of its tarball below the folder of the release
	manifest manifest
	files    []file
}

// file is a file of a package.
type file struct {
	name       string
	content    []byte
	executable bool
}

// manifest is a package.json. npm's documentation tells what the fields mean.
type manifest struct {
	Name                 string            `json:"name"`
	Version              string            `json:"version"`
	Description          string            `json:"description"`
	Keywords             []string          `json:"keywords,omitempty"`
	License              string            `json:"license"`
	Homepage             string            `json:"homepage"`
	Repository           repository        `json:"repository"`
	Bugs                 string            `json:"bugs"`
	Bin                  map[string]string `json:"bin,omitempty"`
	Files                []string          `json:"files"`
	OS                   []string          `json:"os,omitempty"`
	CPU                  []string          `json:"cpu,omitempty"`
	Engines              map[string]string `json:"engines,omitempty"`
	PreferUnplugged      bool              `json:"preferUnplugged,omitempty"`
	OptionalDependencies map[string]string `json:"optionalDependencies,omitempty"`
	PublishConfig        map[string]string `json:"publishConfig"`
}

type repository struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

const home = "https://github.com/heapmage/heapmage"

// newManifest has what all packages have in common.
func (r release) newManifest(name, description string) manifest {
	return manifest{
		Name: name, Version: r.version, Description: description, License: "Apache-2.0",
		Homepage: home, Repository: repository{"git", "git+" + home + ".git"}, Bugs: home + "/issues",
		Files: []string{"bin"}, PublishConfig: map[string]string{"access": "public"},
	}
}

// packages returns all packages: the one that people install, and one with the program for each
// platform.
func (r release) packages(ctx context.Context) ([]pack, error) {
	license, err := os.ReadFile(filepath.Join(r.root, "LICENSE"))
	if err != nil {
		return nil, err
	}
	shim, err := files.ReadFile("files/heapmage.js")
	if err != nil {
		return nil, err
	}
	readme, err := files.ReadFile("files/README.md")
	if err != nil {
		return nil, err
	}
	m := r.newManifest("heapmage", "Builds npm monorepos inside the memory they have")
	m.Keywords = []string{"monorepo", "workspaces", "build", "memory", "out of memory", "heap", "OOM", "137", "task runner", "npm", "pnpm", "yarn", "turborepo", "nx", "lerna"}
	m.Bin = map[string]string{"heapmage": "bin/heapmage.js"}
	m.Engines = map[string]string{"node": ">=20"}
	m.OptionalDependencies = map[string]string{}
	var all []pack
	for _, p := range r.platforms {
		one, err := r.platformPackage(ctx, p, license)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
		m.OptionalDependencies[one.manifest.Name] = r.version
	}
	return append(all, pack{
		path:     "npm/heapmage-" + r.version + ".tgz",
		manifest: m,
		files:    []file{{name: "LICENSE", content: license}, {name: "README.md", content: readme}, {"bin/heapmage.js", shim, true}},
	}), nil
}

func (r release) platformPackage(ctx context.Context, p platform, license []byte) (pack, error) {
	program, err := os.ReadFile(r.program(p))
	if err != nil {
		return pack{}, err
	}
	notices, err := r.notices(ctx, r.program(p))
	if err != nil {
		return pack{}, err
	}
	m := r.newManifest("@heapmage/"+p.String(), "The program of the package heapmage for "+p.name)
	m.OS, m.CPU, m.PreferUnplugged = []string{p.os}, []string{p.cpu}, true
	m.Files = append(m.Files, "NOTICES.txt")
	readme := "# @heapmage/" + p.String() + "\n\nThe program of the npm package [heapmage](" + home + ") for " + p.name +
		". Install `heapmage`, which brings it along.\n\n`NOTICES.txt` has the licences of what it is built from.\n"
	return pack{
		path:     "npm/platforms/heapmage-" + p.String() + "-" + r.version + ".tgz",
		manifest: m,
		files: []file{
			{name: "LICENSE", content: license}, {name: "NOTICES.txt", content: notices}, {name: "README.md", content: []byte(readme)},
			{"bin/heapmage" + p.exe(), program, true},
		},
	}, nil
}

// packed is the time of all files in npm's own tarballs. It is the same in each build.
var packed = time.Date(1985, time.October, 26, 8, 15, 0, 0, time.UTC)

// write writes the tarball, as npm pack would.
func (p pack) write(path string) error {
	text, err := json.MarshalIndent(p.manifest, "", "  ")
	if err != nil {
		return err
	}
	all := append(slices.Clone(p.files), file{name: "package.json", content: append(text, '\n')})
	slices.SortFunc(all, func(a, b file) int { return cmp.Compare(a.name, b.name) })
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	for _, f := range all {
		h := &tar.Header{Name: "package/" + f.name, Size: int64(len(f.content)), Mode: 0o644, ModTime: packed, Format: tar.FormatUSTAR}
		if f.executable {
			h.Mode = 0o755
		}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(f.content); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644) //nolint:gosec // it is published
}

// unpack returns the files of a tarball as write takes them.
func unpack(tarball []byte) ([]file, error) {
	z, err := gzip.NewReader(bytes.NewReader(tarball))
	if err != nil {
		return nil, err
	}
	var all []file
	t := tar.NewReader(z)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		var content bytes.Buffer
		if _, err := content.ReadFrom(t); err != nil {
			return nil, err
		}
		all = append(all, file{strings.TrimPrefix(h.Name, "package/"), content.Bytes(), h.Mode == 0o755})
	}
}
