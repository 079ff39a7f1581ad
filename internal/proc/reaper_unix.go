//go:build unix

package proc

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/proctable"
)

// reaperName is the reaper's name in process lists. The kernel cuts it at 15 bytes.
// The name and environ.Reaper together turn this program into the reaper.
const reaperName = "heapmage-reaper"

// ward is one tree that the reaper watches.
type ward struct {
	seq  int
	root proctable.Root
}

// reaper is our side of the reaper process.
type reaper struct {
	mu      sync.Mutex
	cmd     *exec.Cmd // nil while none runs
	pipe    *os.File
	err     error
	seq     int
	wards   map[int]*ward
	folders map[string]int
}

var theReaper = &reaper{wards: map[int]*ward{}, folders: map[string]int{}}

func (r *reaper) watch(id string) *ward {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq++
	w := &ward{seq: r.seq, root: proctable.Root{Mark: id}}
	r.wards[w.seq] = w
	r.sendLocked(watchMessage(w))
	return w
}

func (r *reaper) started(w *ward, t *tree) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.root = t.Root
	r.sendLocked(watchMessage(w))
}

func (r *reaper) forget(w *ward) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.wards, w.seq)
	r.sendLocked(fmt.Sprintf("forget %d\n", w.seq))
}

func (r *reaper) folder(path string) (forget func()) {
	if !filepath.IsAbs(path) {
		return func() {} // the reaper has another working folder
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.folders[path]++
	r.sendLocked(folderMessage(path))
	return sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.folders[path]--; r.folders[path] == 0 {
			delete(r.folders, path)
			r.sendLocked(fmt.Sprintf("keep %q\n", path))
		}
	})
}

func watchMessage(w *ward) string {
	return fmt.Sprintf("watch %d %d %d %q\n", w.seq, w.root.Leader.PID, w.root.Leader.Start, w.root.Mark)
}

func folderMessage(path string) string { return fmt.Sprintf("folder %q\n", path) }

func (r *reaper) process() (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cmd == nil {
		return 0, r.err
	}
	return r.cmd.Process.Pid, r.err
}

func (r *reaper) shutdown() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cmd == nil {
		return
	}
	_, _ = r.pipe.WriteString("bye\n") // fails if the reaper has ended already
	r.closeLocked()
}

// sendLocked sends msg to the reaper and starts one if there is none. It replaces a
// reaper that was killed, and tells the new one all that still matters.
func (r *reaper) sendLocked(msg string) {
	if r.cmd != nil {
		_, err := r.pipe.WriteString(msg)
		if err == nil {
			return
		}
		r.closeLocked()
	}
	if len(r.wards)+len(r.folders) == 0 {
		return
	}
	if r.err = r.startLocked(); r.err != nil {
		return
	}
	var all strings.Builder
	for _, w := range r.wards {
		all.WriteString(watchMessage(w))
	}
	for path := range r.folders {
		all.WriteString(folderMessage(path))
	}
	_, r.err = r.pipe.WriteString(all.String())
}

func (r *reaper) startLocked() error {
	self, err := selfPath()
	if err != nil {
		return err
	}
	in, out, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	r.cmd = &exec.Cmd{
		Path: self, Args: []string{reaperName}, Dir: "/", Stdin: in,
		// Nothing of ours, and no mark above all: what ends our tree must spare it.
		Env: []string{environ.Reaper + "=1", "GOGC=10", "GOMAXPROCS=1", "GOTRACEBACK=none"},
		// Ctrl-C must not reach it.
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := r.cmd.Start(); err != nil {
		_ = out.Close()
		r.cmd = nil
		return err
	}
	r.pipe = out
	return nil
}

func (r *reaper) closeLocked() {
	_ = r.pipe.Close()
	_ = r.cmd.Wait() // leaves no zombie; how it ended does not matter
	r.cmd, r.pipe = nil, nil
}
