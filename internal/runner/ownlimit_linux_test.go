package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/oom"
)

func TestAKillInACgroupOfItsOwn(t *testing.T) {
	const limit = 60 * memtools.MB
	dir := smallCgroup(t, limit)
	for _, tt := range []struct {
		claim, script string
		cause         oom.Cause
	}{
		{"the kernel kills a child", "sh -c 'echo $$ > %[1]s/cgroup.procs; sleep 0.5; head -c 500m /dev/zero | tail -c 400m >/dev/null'; exit $?", oom.KernelOOM},
		{"another program kills it", "sh -c 'echo $$ > %[1]s/cgroup.procs; sleep 0.5; kill -9 $$'; exit $?", oom.Killed},
		{"it succeeds", "sh -c 'echo $$ > %[1]s/cgroup.procs; sleep 0.5'", oom.Success},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			res := <-begin(t, t.Context(), nil, fmt.Sprintf(tt.script, dir)).ended
			if res.Verdict.Cause != tt.cause {
				t.Fatalf("got %+v", res.Verdict)
			}
			if tt.cause == oom.KernelOOM && (res.Verdict.Limit != limit || !strings.Contains(res.Verdict.Advice, "Its own limit is 60MB (cgroup v") || !strings.Contains(res.Verdict.Advice, filepath.Base(dir))) {
				t.Errorf("limit %v\n%s", res.Verdict.Limit, res.Verdict.Advice)
			}
		})
	}
}

// smallCgroup makes a cgroup with a memory limit below the test's own.
func smallCgroup(t *testing.T, limit memtools.Bytes) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	file, dir := "memory.limit_in_bytes", ""
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) == 3 && strings.Contains(","+parts[1]+",", ",memory,") {
			dir = filepath.Join("/sys/fs/cgroup/memory", parts[2])
		} else if len(parts) == 3 && parts[1] == "" && dir == "" {
			dir = filepath.Dir(filepath.Join("/sys/fs/cgroup", parts[2])) // one with processes has no children with limits
		}
	}
	if !strings.HasPrefix(dir, "/sys/fs/cgroup/memory") {
		file = "memory.max"
	}
	dir = filepath.Join(dir, fmt.Sprintf("heapmage-runner-test-%d", os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // a cgroup is no secret
		t.Skipf("a cgroup cannot be made (root can): %v", err)
	}
	t.Cleanup(func() {
		until(t, "the cgroup to be empty", func() bool { return syscall.Rmdir(dir) == nil })
	})
	if err := os.WriteFile(filepath.Join(dir, file), fmt.Append(nil, int64(limit)), 0o600); err != nil {
		t.Skipf("a limit cannot be set: %v", err)
	}
	for name, value := range map[string]string{"memory.swap.max": "0", "memory.swappiness": "0"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			_ = os.WriteFile(filepath.Join(dir, name), []byte(value), 0o600)
		}
	}
	return dir
}
