package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/version"
)

// platform is a system and a processor, in npm's words and in Go's.
type platform struct {
	os, cpu      string // as process.platform and process.arch are in Node
	goos, goarch string
	name         string // for people
}

var platforms = []platform{
	{"darwin", "arm64", "darwin", "arm64", "macOS on arm64"},
	{"darwin", "x64", "darwin", "amd64", "macOS on x64"},
	{"linux", "arm64", "linux", "arm64", "Linux on arm64"},
	{"linux", "x64", "linux", "amd64", "Linux on x64"},
	{"win32", "arm64", "windows", "arm64", "Windows on arm64"},
	{"win32", "x64", "windows", "amd64", "Windows on x64"},
}

func (p platform) String() string { return p.os + "-" + p.cpu }

// exe is the end of a program's name.
func (p platform) exe() string {
	if p.goos == "windows" {
		return ".exe"
	}
	return ""
}

// choose returns the platforms of a list with commas; all for an empty one.
func choose(list string) ([]platform, error) {
	if list == "" {
		return platforms, nil
	}
	var chosen []platform
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(platforms, func(p platform) bool { return p.String() == name })
		if i < 0 {
			return nil, fmt.Errorf("-only=%s: there are: %v", name, platforms)
		}
		chosen = append(chosen, platforms[i])
	}
	return chosen, nil
}

// program is the file of a platform's program.
func (r release) program(p platform) string {
	return filepath.Join(r.to, "programs", "heapmage-"+r.version+"-"+p.String()+p.exe())
}

// source is the folder of the program's magefile. It is a module, because it needs modules that the
// users of the others do not: that of mage/s3.
func (r release) source() string { return filepath.Join(r.root, "internal", "release", "program") }

// compile builds the program for a platform. What the user's environment may set and the
// program would depend on is set here, so that all machines build the same.
func (r release) compile(ctx context.Context, p platform) error {
	stamp := "-X " + version.Variable + "=" + version.Before + r.version + version.After
	built := filepath.Join(r.to, "heapmage") // Mage takes the name in its help from the file's
	c := exec.CommandContext(ctx, "go", "tool", "mage", "-compile", built, "-goos", p.goos, "-goarch", p.goarch, "-ldflags", "-s -w -buildid= "+stamp)
	c.Dir = r.source()
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath -buildvcs=false", "GOWORK=off", "GOEXPERIMENT=", "GOAMD64=v1", "GOARM64=v8.0", "GOFIPS140=off")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: mage -compile: %w\n%s", p, err, out)
	}
	return os.Rename(built, r.program(p))
}
