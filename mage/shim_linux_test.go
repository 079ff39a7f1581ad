package mage_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/admission"
	"github.com/heapmage/heapmage/memtools"
)

// TestShimIsSmall: the compiled targets, as the shell of a script, hold at most 3 MB while the
// script waits, and while it runs. There is one for each script that runs.
func TestShimIsSmall(t *testing.T) {
	s, err := admission.Listen(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(false)
	c := exec.Command(filepath.Join(s.Folder(), "sh"), "-c", "cat; exit 3")
	c.Env = append(os.Environ(), "npm_lifecycle_event=build")
	in, err := c.StdinPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	script, err := s.Accept()
	if err != nil {
		t.Fatal(err)
	}
	wantSmall(t, "while it waits", script.Ask().PID)
	if _, err := script.Run(t.Context(), admission.Terms{Set: map[string]string{"NODE_OPTIONS": "--max-old-space-size=1000"}}); err != nil {
		t.Fatal(err)
	}
	wantSmall(t, "while it runs", script.Ask().PID)
	_ = in.Close()
	e, err := script.Wait(t.Context())
	if err != nil || e.Code != 3 {
		t.Errorf("got %+v, %v", e, err)
	}
	if err := script.End(); err != nil {
		t.Error(err)
	}
	_ = c.Wait()
	if got := c.ProcessState.ExitCode(); got != 3 {
		t.Errorf("exit %d", got)
	}
	t.Logf("the shim took %v of processor time", c.ProcessState.UserTime()+c.ProcessState.SystemTime())
}

func wantSmall(t *testing.T, when string, pid int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	own := memtools.Bytes(0)
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		if fields[0] == "RssAnon:" || fields[0] == "RssShmem:" {
			kb, err := strconv.Atoi(fields[1])
			if err != nil {
				t.Fatal(err)
			}
			own += memtools.Bytes(kb) * memtools.KB
		}
	}
	t.Logf("%s: %v", when, own)
	if own == 0 || own > 3*memtools.MB {
		t.Errorf("%s the shim holds %v", when, own)
	}
}
