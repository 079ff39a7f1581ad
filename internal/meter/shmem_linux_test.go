package meter

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// TestRealFilesInMemory: a file in /dev/shm that a task has open, and that no process
// maps, is the run's usage and the task's.
func TestRealFilesInMemory(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "heapmage-test-") //nolint:usetesting // its folder is not on tmpfs
	if err != nil {
		t.Skipf("there is no tmpfs to write to: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	m, err := New(Options{Budget: memtools.GB})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	c := exec.Command("sh", "-c", `exec 3>"$1"; head -c 67108864 /dev/zero >&3; echo written; read line`, "sh", filepath.Join(dir, "file"))
	c.Env = append(os.Environ(), memtools.Marker("run/file"))
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	before := m.Now().Usage
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	m.Begin("run/other", os.Getppid(), nil) // so that it is not alone
	m.Begin("run/file", c.Process.Pid, nil)
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(line, err)
	}
	time.Sleep(2 * fresh) // for a new sample
	now := m.Now()
	if now.Trees["run/file"] < 63*memtools.MB || now.Usage-before < 63*memtools.MB {
		t.Errorf("usage %v, of the task %v", now.Usage-before, now.Trees["run/file"])
	}
	_ = in.Close()
	_ = c.Wait() // read has no line to read
	time.Sleep(2 * fresh)
	if now := m.Now(); now.Trees["run/file"] < 63*memtools.MB {
		t.Errorf("closed, but not removed: %v", now.Trees["run/file"])
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * fresh)
	if now := m.Now(); now.Trees["run/file"] > 20*memtools.MB {
		t.Errorf("removed: %v", now.Trees["run/file"])
	}
	if peak, _ := m.End("run/file", 0); peak < 63*memtools.MB || peak > 100*memtools.MB {
		t.Errorf("peak %v", peak)
	}
}
