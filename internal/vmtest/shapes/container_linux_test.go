package shapes

import (
	"os"
	"path/filepath"
	"testing"
)

// TestContainer builds with the view of its cgroup that container runtimes give.
func TestContainer(t *testing.T) {
	for _, tt := range []struct {
		claim, options, name string
	}{
		{"Docker, Kubernetes", "namespace,read-only", `cgroup v2 /`},
		{"privileged", "namespace", `cgroup v2 /`},
		{"the host's namespace", "read-only", `cgroup v2 /\S+`},
		{"Docker in Docker", "namespace,inner", `cgroup v2 /`},
		{"not root", "namespace,read-only,user", `cgroup v2 /`},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			contained := func(root, target string) ran {
				give(t, root)
				return run(t, root, entering(group(t, 200*mb), tt.options, target)...)
			}
			scripts := map[string]string{"a": "grow 80 300"}
			root := workspace(t, scripts)
			contained(root, "memory:stats").wants(t, 0, `limit that counts +200\.00MB +`+tt.name+"\n")
			contained(root, "build").wants(t, 0, `1 task succeeded`)
			whole(t, root, scripts)
			if tt.claim != "Docker, Kubernetes" && tt.claim != "not root" {
				return
			}
			root = workspace(t, map[string]string{"a": unprotected})
			contained(root, "build").wants(t, 4, `failed after .*: killed by the kernel, out of memory`)
		})
	}
}

// TestDelegated builds as a user in a cgroup that was handed to it, as systemd does.
func TestDelegated(t *testing.T) {
	g := group(t, 200*mb)
	delegate(t, g.Dir)
	scripts := map[string]string{"a": "grow 80 500", "b": "grow 80 500"}
	root := workspace(t, scripts)
	give(t, root)
	run(t, root, entering(g, "user", "build")...).wants(t, 0, `2 tasks succeeded`)
	whole(t, root, scripts)
}

// give hands the folder to the user of the option user, and lets it reach it.
func give(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, 1000, 1000)
	})
	for dir := filepath.Dir(root); err == nil && dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}
