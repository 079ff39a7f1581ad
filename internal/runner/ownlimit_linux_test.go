package runner

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/cgrouptest"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/oom"
)

func TestAKillInACgroupOfItsOwn(t *testing.T) {
	const limit = 60 * memtools.MB
	dir := cgrouptest.New(t, int64(limit)).Dir
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
