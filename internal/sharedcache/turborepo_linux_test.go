package sharedcache_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/heapmage/heapmage/internal/servertest"
	"github.com/heapmage/heapmage/internal/testkit"
)

// TestSharedCacheBesideTurborepo: Turborepo and heapmage keep their results on one server, in one team, one
// after the other and at once, and each finds its own.
func TestSharedCacheBesideTurborepo(t *testing.T) {
	m, s := newTeamOn(t, servertest.Turborepo)
	modules := filepath.Join(filepath.Dir(testkit.Script(t, "../../mage/testdata/runners", "package.json")), "node_modules")
	want := m.alone()
	another := func() *clone {
		c := m.clone()
		testkit.WriteAll(t, c.root, map[string]string{
			"package.json":      `{"name": "top", "private": true, "packageManager": "npm@10.8.2", "workspaces": ["packages/*"]}`,
			"package-lock.json": `{"name": "top", "lockfileVersion": 3, "packages": {"": {"name": "top", "workspaces": ["packages/*"]}}}`,
			"turbo.json":        `{"tasks": {"build": {"dependsOn": ["^build"], "outputs": ["dist/**"]}}}`,
			".gitignore":        "node_modules\ndist\n.heapmage\n.turbo*\n",
		})
		return c
	}
	_, token, _ := strings.Cut(s.Env[0], "=")
	turbo := func(c *clone) string {
		run := exec.Command(filepath.Join(modules, ".bin", "turbo"), "run", "build")
		run.Dir = c.root
		run.Env = append(os.Environ(), "CI=", "TURBO_API="+s.URL, "TURBO_TOKEN="+token, "TURBO_TEAM=acme", "TURBO_CACHE_DIR="+filepath.Join(c.root, ".turbo-cache"),
			"TURBO_TELEMETRY_DISABLED=1", "TURBO_NO_UPDATE_NOTIFIER=1", "DO_NOT_TRACK=1")
		out, err := run.CombinedOutput()
		if err != nil {
			c.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	first, second := another(), another()
	if out := turbo(first); !strings.Contains(out, "Remote caching enabled") || !strings.Contains(out, "0 cached, 6 total") {
		t.Fatalf("Turborepo does not use the server:\n%s", out)
	}
	first.same(want)
	if out := second.build(true); !strings.Contains(out, "Shared cache: 6 results stored") || ran(out) != "a b c d x y" {
		t.Errorf("heapmage takes what is Turborepo's, or does not store its own:\n%s", out)
	}
	second.same(want)
	both := func(claim, turbos, ours string) {
		t.Run(claim, func(t *testing.T) {
			a, b := another(), another()
			for _, c := range []*clone{a, b} {
				if claim != "each finds its own" {
					testkit.WriteAll(t, c.root, map[string]string{"packages/c/src.txt": claim})
				}
			}
			var wait sync.WaitGroup
			var out string
			wait.Go(func() { out, _ = b.try(true) }) // its log tells whether it failed
			if out := turbo(a); !strings.Contains(out, turbos) {
				t.Errorf("Turborepo does not report %q:\n%s", turbos, out)
			}
			if wait.Wait(); ran(out) != ours || strings.Contains(out, "⚠️") || !strings.Contains(out, "successfully") {
				t.Errorf("heapmage runs more than %q:\n%s", ours, out)
			}
			b.same(a.outputs())
			if claim == "each finds its own" {
				a.same(want)
			}
		})
	}
	both("each finds its own", "FULL TURBO", "")
	both("both store something new at once", "4 cached, 6 total", "c d")
	both("both store something new at once", "FULL TURBO", "")
}
