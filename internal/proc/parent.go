package proc

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/proctable"
)

const (
	// parentInterval is how often WatchParent looks. A look is one system call, and
	// a few more for each launcher.
	parentInterval = 250 * time.Millisecond
	// mostLaunchers bounds the line of launchers.
	mostLaunchers = 8
)

// WatchParent waits for the end of the launcher that started this process and
// returns true. mage does not pass SIGTERM on, so its end is the only sign of it.
// It returns false when ctx is done.
//
// A launcher is an unbroken line of parents whose programs are called mage or go,
// as in "go tool mage" and "go run mage.go". The end of any other parent means
// nothing (a shell may leave us running under nohup); then WatchParent waits for
// ctx. Call it early: it does not notice a launcher that ended before.
func WatchParent(ctx context.Context) (gone bool) {
	return watchLaunchers(ctx, launchers(os.Getppid()))
}

func watchLaunchers(ctx context.Context, line []proctable.Process) (gone bool) {
	if len(line) == 0 {
		<-ctx.Done()
		return false
	}
	tick := time.NewTicker(parentInterval)
	defer tick.Stop()
	for {
		if os.Getppid() != line[0].PID {
			return true
		}
		for _, l := range line {
			if now, err := proctable.Lookup(l.PID); err != nil || now.Zombie || now.Start != l.Start {
				return true
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}

// launchers returns pid and its parents as far as they are launchers.
func launchers(pid int) (line []proctable.Process) {
	for len(line) < mostLaunchers && pid > 0 {
		p, err := proctable.Lookup(pid)
		if err != nil || !isLauncher(proctable.Executable(pid)) {
			break
		}
		line = append(line, p)
		pid = p.PPID
	}
	return line
}

func isLauncher(path string) bool {
	name := strings.TrimSuffix(strings.ToLower(filepath.Base(path)), ".exe")
	return name == "mage" || name == "go"
}
