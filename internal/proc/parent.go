package proc

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// parentInterval is how often WatchParent looks. A look is one system call, and
// one more for each launcher above the first.
const parentInterval = 250 * time.Millisecond

// WatchParent waits for the end of the launcher that started this process and
// returns true: mage does not pass SIGTERM on, so that its end is the only sign
// of it. It returns false when ctx is done.
//
// A launcher is an unbroken line of parents whose programs are called mage or
// go, as in "go tool mage" and "go run mage.go". Where the parent is something
// else, such as a shell that leaves us running under nohup, its end means
// nothing and WatchParent waits for ctx. Call it early: it cannot see a launcher
// that ended before.
func WatchParent(ctx context.Context) (gone bool) {
	return watchLaunchers(ctx, launchers(os.Getppid()))
}

func watchLaunchers(ctx context.Context, line []entry) (gone bool) {
	if len(line) == 0 {
		<-ctx.Done()
		return false
	}
	tick := time.NewTicker(parentInterval)
	defer tick.Stop()
	for {
		if os.Getppid() != line[0].pid {
			return true
		}
		for _, l := range line {
			if now, ok := lookUp(l.pid); !ok || now.zombie || now.start != l.start {
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

// launchers are pid and its parents as long as they are launchers.
func launchers(pid int) (line []entry) {
	for len(line) < 8 && pid > 0 {
		e, ok := lookUp(pid)
		if !ok || !isLauncher(executablePath(pid)) {
			break
		}
		line = append(line, e)
		pid = e.ppid
	}
	return line
}

func isLauncher(path string) bool {
	name := strings.TrimSuffix(strings.ToLower(filepath.Base(path)), ".exe")
	return name == "mage" || name == "go"
}
