package shapes

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/bench/record"
	"github.com/heapmage/heapmage/internal/cgroup"
	"github.com/heapmage/heapmage/internal/event"
)

// TestPeak compares the recorded peak of a package with the kernel's of the cgroup.
func TestPeak(t *testing.T) {
	g := group(t, 300*mb)
	if _, err := os.Stat(filepath.Join(g.Dir, "memory.peak")); err != nil {
		t.Skip("the kernel is older than 5.19: ", err)
	}
	scripts := map[string]string{"a": "grow 150 500"}
	root := workspace(t, scripts)
	run(t, root, g.Command(heapmage, "build")...).wants(t, 0)
	kernel, err := strconv.ParseInt(strings.TrimSpace(g.Read("memory.peak")), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	ours := peakOf(t, root, "a")
	if ours < 150*mb || ours > 170*mb || ours > kernel {
		t.Errorf("recorded %d MB for a package that takes 150 MB; the kernel saw %d MB in the cgroup", ours/mb, kernel/mb)
	}
}

// peakOf returns the peak of a task in the record of the only run.
func peakOf(t *testing.T, root, task string) (peak int64) {
	t.Helper()
	events, err := record.Only(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range events {
		if ended, ok := one.Event.(event.TaskFinished); ok && ended.Label == task {
			peak = max(peak, int64(ended.Peak))
		}
	}
	return peak
}

// TestPressureFiles wants the kernel's stall times: of the machine and of the cgroup.
func TestPressureFiles(t *testing.T) {
	g := group(t, 100*mb)
	for _, file := range []string{"/proc/pressure/memory", filepath.Join(g.Dir, "memory.pressure")} {
		text, err := os.ReadFile(file)
		if err != nil || !regexp.MustCompile(`(?m)^some .*total=\d+\nfull .*total=\d+$`).Match(text) {
			t.Errorf("%s: %q, %v", file, text, err)
		}
	}
}

// TestSwap has the kernel swap out most of a package's memory, which still counts as used.
func TestSwap(t *testing.T) {
	swaps, err := os.ReadFile("/proc/swaps")
	if err != nil || strings.Count(string(swaps), "\n") < 2 {
		t.Skip("this system has no swap space")
	}
	g := group(t, 0)
	g.Set("memory.high", "60M")
	g.Set("memory.swap.max", "300M")
	root := workspace(t, map[string]string{"a": "grow 120 500"})
	run(t, root, g.Command(heapmage, "build")...).wants(t, 0, `1 task succeeded`)
	if peak := peakOf(t, root, "a"); peak < 120*mb || peak > 140*mb {
		t.Errorf("recorded %d MB for a package that takes 120 MB", peak/mb)
	}
	if n, ok := cgroup.Keyed([]byte(g.Read("memory.events")), "high"); !ok || n == 0 {
		t.Error("nothing was swapped out")
	}
}
