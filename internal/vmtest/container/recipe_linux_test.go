package container

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

const repository = "../../.."

// TestRecipe builds a workspace by the Dockerfile of docs/ci.md, as it stands there. The
// images that it names cannot be fetched without a network, so others stand in for them:
// with this system's Go and Node, and this version of heapmage.
func TestRecipe(t *testing.T) {
	d := docker(t)
	page, err := os.ReadFile(filepath.Join(repository, "docs/ci.md"))
	if err != nil {
		t.Fatal(err)
	}
	recipe := regexp.MustCompile("(?s)```dockerfile\n(.*?)```").FindSubmatch(page)
	images := regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(string(page), -1)
	if recipe == nil || len(images) != 2 {
		t.Fatalf("docs/ci.md has no recipe with two images: %v", images)
	}
	app := application(t)
	golang(t, d, images[0][1], app)
	node := newImage(t)
	node.busybox()
	node.node()
	node.load(d, images[1][1], "ENV PATH=/usr/local/bin:/bin")
	testkit.Write(t, app, "Dockerfile", string(recipe[1]))
	code, out := d.docker(t, nil, "build", "--network=none", "--memory=1500m", "--memory-swap=1500m", "--no-cache", app)
	for _, want := range []string{`✅ Building package: core completed`, `✅ Building package: web completed`, `/ 13[67]\d\.\d\dMB`} {
		if code != 0 || !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("exit code %d, or no line like %q", code, want)
		}
	}
}

// application writes a user's repository.
func application(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	mod, err := os.ReadFile(filepath.Join(repository, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	source, err := filepath.Abs(repository)
	if err != nil {
		t.Fatal(err)
	}
	const module = "github.com/heapmage/heapmage"
	text := strings.Replace(string(mod), "module "+module, "module example.com/app", 1)
	testkit.Write(t, dir, "go.mod", text+"\nrequire "+module+" v0.0.0\n\nreplace "+module+" => "+source+"\n")
	for _, name := range []string{"go.sum", "magefile.go"} {
		same, err := os.ReadFile(filepath.Join(repository, name))
		if err != nil {
			t.Fatal(err)
		}
		testkit.Write(t, dir, name, string(same))
	}
	testkit.Write(t, dir, "package.json", `{"workspaces": ["packages/*"]}`)
	testkit.Write(t, dir, "node_modules/.keep", "")
	testkit.Write(t, dir, "packages/core/package.json", `{"name": "core", "scripts": {"build": "node -e 'Buffer.alloc(50e6, 1)'"}}`)
	testkit.Write(t, dir, "packages/web/package.json", `{"name": "web", "dependencies": {"core": "*"}, "scripts": {"build": "node -e 'Buffer.alloc(90e6, 1)'"}}`)
	return dir
}

// golang makes the image that compiles the targets, with the modules that they need, and
// lets the application use the copy of heapmage in it.
func golang(t *testing.T, d *daemon, name, app string) {
	t.Helper()
	modules := t.TempDir()
	// What this machine has compiled is in its module cache. For a list of all modules it needs
	// a few words more of some.
	fill := exec.Command("go", "list", "-m", "all")
	fill.Dir, fill.Env = app, append(os.Environ(), "GOFLAGS=-mod=mod")
	if out, err := fill.CombinedOutput(); err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	for _, list := range [][]string{
		{"list", "-deps", "-tags", "mage", ".", "github.com/magefile/mage"}, // the modules that are compiled
		{"list", "-m", "all"}, // of the others only their go.mod
	} {
		c := exec.Command("go", list...)
		c.Dir = app
		c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOMODCACHE="+modules, "GOFLAGS=-mod=mod -modcacherw", "GOSUMDB=off",
			"GOPROXY=file://"+goEnv(t, "GOMODCACHE")+"/cache/download")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("go list: %v\n%s", err, out)
		}
	}
	text, err := os.ReadFile(filepath.Join(app, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	testkit.Write(t, app, "go.mod", regexp.MustCompile(`(?m)^(replace \S+ =>).*`).ReplaceAllString(string(text), "$1 /source"))
	i := newImage(t)
	i.busybox()
	i.folder("usr/local/go", goEnv(t, "GOROOT"), "api", "doc", "misc", "src/cmd", "test")
	i.folder("modules", filepath.Join(modules, "cache/download"))
	for _, dir := range []string{"ci", "internal", "mage", "memtools", "pool"} {
		i.folder(filepath.Join("source", dir), filepath.Join(repository, dir))
	}
	i.copy("source/go.mod", filepath.Join(repository, "go.mod"))
	i.load(d, name, "ENV PATH=/usr/local/go/bin:/bin", "ENV GOPROXY=file:///modules", "ENV GOSUMDB=off",
		"ENV GOTOOLCHAIN=local", "ENV GOFLAGS=-mod=mod", "ENV HOME=/root")
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
