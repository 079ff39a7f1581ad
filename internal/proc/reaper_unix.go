//go:build unix

package proc

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/proctable"
)

// reaperName is the reaper's name in process lists. The kernel cuts it at 15 bytes.
// Neither it nor an argument may contain the program's name: "pkill -9 -f heapmage"
// would end both at once. The name and environ.Reaper together turn this program into
// the reaper.
const reaperName = "process-reaper"

const (
	// restartPause comes before a reaper replaces one that lived for less.
	restartPause = 100 * time.Millisecond
	// readPause is how long the reaper may leave the pipe full before it is replaced.
	readPause = time.Second
	// folderPause is how long folders do without a reaper while no process is watched: a run
	// that has nothing to do ends before it would pay to start one.
	folderPause = 300 * time.Millisecond
	// startPause is how long a new one may take to read the first text: a busy machine
	// starts it late.
	startPause = 30 * time.Second
)

// ward is one tree that the reaper watches.
type ward struct {
	seq  int
	root proctable.Root
	// thaw has the reaper let the tree go on, instead of ending it.
	thaw bool
}

// reaper is our side of the reaper process.
type reaper struct {
	waiting sync.WaitGroup // for the processes

	mu      sync.Mutex // guards all below
	cmd     *exec.Cmd  // nil while none runs
	pipe    *os.File
	unused  chan struct{} // closed once cmd is no longer the reaper
	err     error
	seq     int
	wards   map[int]*ward
	folders map[string]int
	text    string // what it writes when we are gone
	// terminal is set if it may have to write something.
	terminal bool
}

var theReaper = &reaper{wards: map[int]*ward{}, folders: map[string]int{}}

// watch has a tree ended if this process is killed, or with thaw go on.
func (r *reaper) watch(root proctable.Root, thaw bool) *ward {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq++
	w := &ward{seq: r.seq, root: root, thaw: thaw}
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
	r.tellLocked(folderMessage(path))
	time.AfterFunc(folderPause, r.start)
	return sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.folders[path]--; r.folders[path] == 0 {
			delete(r.folders, path)
			r.tellLocked(fmt.Sprintf("keep %q\n", path))
		}
	})
}

func (r *reaper) write(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.text, r.terminal = text, true
	r.tellLocked(writeMessage(text))
}

// start starts a reaper if there is none.
func (r *reaper) start() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cmd == nil {
		r.replaceLocked()
	}
}

func watchMessage(w *ward) string {
	if w.thaw {
		return fmt.Sprintf("thaw %d %d %d\n", w.seq, w.root.Leader.PID, w.root.Leader.Start)
	}
	return fmt.Sprintf("watch %d %d %d %q\n", w.seq, w.root.Leader.PID, w.root.Leader.Start, w.root.Mark)
}

func folderMessage(path string) string { return fmt.Sprintf("folder %q\n", path) }

func writeMessage(text string) string { return fmt.Sprintf("write %q\n", text) }

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
	if r.cmd != nil {
		r.dismissLocked()
	}
	r.mu.Unlock()
	r.waiting.Wait()
}

// tellLocked sends msg to the reaper if there is one: another one is told all that matters.
func (r *reaper) tellLocked(msg string) {
	if r.cmd != nil {
		r.sendLocked(msg)
	}
}

// sendLocked sends msg to the reaper, and starts one if there is none.
func (r *reaper) sendLocked(msg string) {
	if r.cmd == nil || r.writeLocked(msg, readPause) != nil {
		r.replaceLocked()
	}
}

// writeLocked waits only a moment for a reaper that does not read: it may be stopped.
func (r *reaper) writeLocked(text string, pause time.Duration) error {
	_ = r.pipe.SetWriteDeadline(time.Now().Add(pause))
	_, err := r.pipe.WriteString(text)
	return err
}

// replaceLocked starts a reaper instead of the one there is, and tells it all that
// matters.
func (r *reaper) replaceLocked() {
	if r.cmd != nil {
		r.dismissLocked()
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
	if r.text != "" {
		all.WriteString(writeMessage(r.text))
	}
	r.err = r.writeLocked(all.String(), startPause)
}

func (r *reaper) startLocked() error {
	self, err := os.Executable()
	if runtime.GOOS == "linux" {
		self, err = "/proc/self/exe", nil // also if the file was replaced or removed
	}
	if err != nil {
		return err
	}
	in, out, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	cmd := &exec.Cmd{
		Path: self, Args: []string{reaperName}, Dir: "/", Stdin: in,
		// Nothing of ours, and no mark above all: what ends our tree must spare it.
		Env: []string{environ.Reaper + "=1", "GOGC=10", "GOMAXPROCS=1", "GOTRACEBACK=none"},
		// Ctrl-C must not reach it.
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if r.terminal { // else whoever reads our output would wait for its end
		cmd.Stdout = os.Stdout
	}
	if err := cmd.Start(); err != nil {
		_ = out.Close()
		return err
	}
	unused := make(chan struct{})
	r.cmd, r.pipe, r.unused = cmd, out, unused
	r.waiting.Go(func() { r.await(cmd, unused) })
	return nil
}

// await waits for the end of a reaper, and replaces one that was killed.
func (r *reaper) await(cmd *exec.Cmd, unused <-chan struct{}) {
	pause := time.NewTimer(restartPause)
	defer pause.Stop()
	_ = cmd.Wait() // how it ended does not matter
	select {
	case <-pause.C:
	case <-unused:
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cmd == cmd {
		r.replaceLocked()
	}
}

// dismissLocked ends the reaper before it can take the end of the pipe for ours.
func (r *reaper) dismissLocked() {
	_ = r.cmd.Process.Kill() // fails if it has ended already
	_ = r.pipe.Close()
	close(r.unused)
	r.cmd, r.pipe, r.unused = nil, nil, nil
}
