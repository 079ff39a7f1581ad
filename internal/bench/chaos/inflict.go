//go:build linux

package chaos

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/heapmage/heapmage/internal/bench/cage"
	"github.com/heapmage/heapmage/internal/bench/shape"
)

// diskSize is the size of the disk that holds only .heapmage.
const diskSize = "8m"

// site is where faults are done.
type site struct {
	program string // that of tasks
	limited *cage.Cage
}

// inflict does a fault to a build and reports whether it came to pass: the build may
// have ended before.
func (s site) inflict(ctx context.Context, f fault, r *running) (done bool) {
	if f.kind == KillTask {
		return s.killTask(ctx, f, r)
	}
	if !pause(ctx, f.at) || !r.alive() {
		return false
	}
	switch f.kind {
	case KillHeapmage:
		return r.signal(syscall.SIGKILL)
	case Interrupt:
		return r.signal(syscall.SIGINT)
	case Terminate:
		return r.signal(syscall.SIGTERM)
	case KillReaper:
		return killReaper(r)
	case KillBoth:
		done := killReaper(r)
		pause(ctx, f.lasting)
		return r.signal(syscall.SIGKILL) && done
	case Stop:
		done := r.signal(syscall.SIGSTOP)
		pause(ctx, f.lasting)
		return r.signal(syscall.SIGCONT) && done
	case Stall:
		r.stall(f.lasting)
		return true
	case ReaderGone:
		return r.out.Close() == nil
	case Foreign, Squeeze:
		return s.foreign(ctx, f)
	case FullDisk:
		return fill(ctx, filepath.Join(r.root, ".heapmage", "filler"), f.lasting)
	case Wipe:
		return os.RemoveAll(filepath.Join(r.root, ".heapmage")) == nil
	case Clock:
		return jump(ctx, f.jump, f.lasting)
	case Lock:
		return lock(ctx, filepath.Join(r.root, ".heapmage", "history.jsonl.lock"), f.lasting)
	default:
		return false
	}
}

// pause waits, and reports whether there is a reason to go on.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func killReaper(r *running) bool {
	pid, err := r.reaper()
	return err == nil && syscall.Kill(pid, syscall.SIGKILL) == nil
}

// killTask waits until a task has a process, a moment longer, and kills that.
func (s site) killTask(ctx context.Context, f fault, r *running) bool {
	for waited := false; r.alive(); {
		processes, err := s.limited.Sample()
		if err != nil {
			return false
		}
		for _, p := range processes {
			if len(p.Arguments) > 3 && p.Arguments[1] == "mem" && p.Arguments[3] == f.task {
				if waited {
					return syscall.Kill(p.PID, syscall.SIGKILL) == nil
				}
				waited = pause(ctx, f.at)
				break
			}
		}
		if !pause(ctx, 20*time.Millisecond) {
			return false
		}
	}
	return false
}

// foreign takes memory in the limit by a process that is not heapmage's.
func (s site) foreign(ctx context.Context, f fault) bool {
	took := shape.Shape{Kind: shape.Grow, Size: f.size, Rate: foreignRate, Times: 1, Hold: f.lasting}
	command := s.limited.Command(append([]string{s.program, "mem"}, took.Args()...))
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	if c.Start() != nil {
		return false
	}
	_ = c.Wait() // it may have been ended with the builds
	return true
}

// mountDisk gives the workspace at root a small disk for .heapmage.
func mountDisk(root string) (unmount func() error, err error) {
	dir := filepath.Join(root, ".heapmage")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := unix.Mount("chaos", dir, "tmpfs", 0, "size="+diskSize); err != nil {
		return nil, &os.PathError{Op: "mount", Path: dir, Err: err}
	}
	return func() error { return unix.Unmount(dir, unix.MNT_DETACH) }, nil
}

// fill fills the disk of a file and removes it after some time.
func fill(ctx context.Context, path string, lasting time.Duration) bool {
	f, err := os.Create(path)
	if err != nil {
		return false
	}
	defer os.Remove(path)
	defer f.Close()
	zeros := make([]byte, 4096)
	for end := time.Now().Add(lasting); time.Now().Before(end); {
		if _, err := f.Write(zeros); err != nil && !pause(ctx, 20*time.Millisecond) {
			return false
		}
	}
	return true
}

// jump sets the time of day by d, and back after some time.
func jump(ctx context.Context, d, lasting time.Duration) bool {
	set := func(d time.Duration) bool {
		now := unix.NsecToTimeval(time.Now().Add(d).UnixNano())
		return unix.Settimeofday(&now) == nil
	}
	done := set(d)
	pause(ctx, lasting)
	return set(-d) && done
}

// lock holds a lock for some time.
func lock(ctx context.Context, path string, lasting time.Duration) bool {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return false
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return false
	}
	pause(ctx, lasting)
	return true
}
