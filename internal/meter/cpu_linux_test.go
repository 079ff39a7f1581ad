package meter

import (
	"io"
	"os/exec"
	"testing"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// TestShortProcesses: a task whose work is done by processes too short for any sample is seen
// to work.
func TestShortProcesses(t *testing.T) {
	m, err := New(Options{Budget: memtools.GB})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	c := exec.Command("/bin/sh", "-c", "read go; i=0; while [ $i -lt 1000 ]; do (:); i=$((i+1)); done; echo done; read end")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close(); _ = c.Wait() }()
	m.Begin("run/short", c.Process.Pid, nil)
	idle := m.Now()
	if idle.CPU["run/short"] >= 20*time.Millisecond {
		t.Errorf("%v before it began", idle.CPU)
	}
	if _, err := io.WriteString(in, "\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 4)); err != nil { // a thousand processes have ended
		t.Fatal(err)
	}
	for m.Now().CPU["run/short"] < idle.CPU["run/short"]+20*time.Millisecond {
		time.Sleep(50 * time.Millisecond) // times are read once a second
	}
	s, err := m.tracker.Sample()
	tree := s.Trees["run/short"]
	if err != nil || tree.ChildCPU == 0 {
		t.Errorf("%+v is not by children: %v", tree, err)
	}
	time.Sleep(2 * fresh)
	if now := m.Now().CPU["run/short"]; now < tree.CPU+tree.ChildCPU {
		t.Errorf("%v leaves out a part of %v and %v", now, tree.CPU, tree.ChildCPU)
	}
}
