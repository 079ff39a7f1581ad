package container

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/testkit"

	// The targets are compiled from these. Imported here, they make the test cache
	// notice their changes.
	_ "github.com/heapmage/heapmage/mage"
	_ "github.com/heapmage/heapmage/mage/build"
)

const imageName = "heapmage-test:small"

// scripts are the packages of the image, each a workspace in the folder of its name.
var scripts = map[string]string{
	"fits": "grow 100 300",
	// Nothing but the kernel can act while heapmage is suspended.
	"grows": "rm -rf dist; kill -STOP $PPID; grow 800 0; code=$?; kill -CONT $PPID; exit $code",
	// Their parents end at once, so that process 1 inherits them.
	"orphans": `for i in $(seq 20); do (setsid sleep 0.2 &); done; sleep 1; grep -c "^State:.Z" /proc/[0-9]*/status | grep -c ":1"; true`,
	"stays":   "trap '' TERM; echo started; sleep 1000 & while :; do sleep 1; done",
}

// small makes the image: busybox, the targets, and the packages.
func small(t *testing.T, d *daemon) {
	t.Helper()
	if code, _ := d.docker(t, nil, "inspect", "--format", "{{.Id}}", imageName); code == 0 {
		return
	}
	dir := t.TempDir()
	testkit.Go(t, "test", "-c", "-ldflags=-s -w", "-o", filepath.Join(dir, "grow"), "github.com/heapmage/heapmage/internal/vmtest/shapes")
	if err := testkit.Targets("../../..", filepath.Join(dir, "heapmage")); err != nil {
		t.Fatal(err)
	}
	i := newImage(t)
	i.busybox()
	for _, name := range []string{"grow", "heapmage"} {
		i.copy("usr/local/bin/"+name, filepath.Join(dir, name))
	}
	i.link("usr/local/bin/node", "grow") // which answers as Node does
	for name, script := range scripts {
		text, err := json.Marshal(map[string]any{"name": name, "scripts": map[string]string{"build": script}})
		if err != nil {
			t.Fatal(err)
		}
		i.add("work/"+name+"/package.json", 0o644, text)
	}
	i.load(d, imageName, "ENV PATH=/usr/local/bin:/bin", "ENV NO_COLOR=1")
}

// TestContainer runs the targets as process 1 of containers with a limit of 300 MB.
func TestContainer(t *testing.T) {
	d := docker(t)
	small(t, d)
	for _, user := range []string{"0", "1000"} {
		for _, tt := range []struct {
			claim, folder string
			command       []string
			code          int
			want          string
		}{
			{"finds the limit", "fits", []string{"heapmage", "memory:stats"}, 0, `limit that counts +300\.00MB +cgroup v[12] /`},
			{"builds inside it, on a terminal", "fits", []string{"heapmage", "build"}, 0, `(?s)/ 23\d\.\d\dMB.*1 task succeeded`},
			{"cannot write cgroup files", "fits", []string{"sh", "-c", "mkdir /sys/fs/cgroup/x /sys/fs/cgroup/memory/x"}, 1, `Read-only|Permission denied`},
			{"names what the kernel kills", "grows", []string{"heapmage", "build"}, 4, `failed after .*: killed by the kernel, out of memory`},
			{"reaps orphans", "orphans", []string{"heapmage", "-v", "build"}, 0, `(?m)^orphans: 0\r?$`},
		} {
			t.Run(tt.claim+" as user "+user, func(t *testing.T) {
				args := append([]string{"run", "--rm", "--network=none", "--memory=300m", "--user=" + user, "--workdir=/work/" + tt.folder, "--tty", imageName}, tt.command...)
				code, out := d.docker(t, nil, args...)
				if code != tt.code || !regexp.MustCompile(tt.want).MatchString(out) {
					t.Errorf("exit code %d, want %d and %q", code, tt.code, tt.want)
				}
			})
		}
	}
}

// TestStop stops containers whose scripts ignore it: Docker kills one after ten seconds.
func TestStop(t *testing.T) {
	d := docker(t)
	small(t, d)
	for signal, want := range map[string]string{"TERM": "143", "INT": "130"} {
		t.Run("SIG"+signal, func(t *testing.T) {
			name := fmt.Sprintf("stop-%s-%d", signal, os.Getpid())
			d.docker(t, nil, "run", "--detach", "--name="+name, "--network=none", "--memory=300m", "--workdir=/work/stays", imageName, "heapmage", "-v", "build")
			t.Cleanup(func() { d.docker(t, nil, "rm", "--force", name) })
			for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
				if _, out := d.docker(t, nil, "logs", name); strings.Contains(out, "started") {
					break
				}
				if time.Now().After(deadline) {
					t.Fatal("the script did not start")
				}
			}
			d.docker(t, nil, "kill", "--signal="+signal, name)
			if _, out := d.docker(t, nil, "wait", name); strings.TrimSpace(out) != want {
				t.Errorf("exit code %s, want %s", out, want)
			}
			d.docker(t, nil, "logs", name)
		})
	}
}
