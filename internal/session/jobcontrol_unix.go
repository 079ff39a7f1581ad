//go:build unix

package session

import (
	"os"
	"os/signal"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/heapmage/heapmage/internal/clock"
	"github.com/heapmage/heapmage/internal/proc"
)

// stops are the signals with which a terminal stops a job: at Ctrl-Z, and if one in the
// background reads from it or, after "stty tostop", writes to it.
func stops() []os.Signal { return []os.Signal{unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU} }

// lateRelay is how late "go tool" may pass on a signal after a stop.
const lateRelay = 300 * time.Millisecond

// obeyTerminal has this process stop and go on with the job that it belongs to, until
// done is closed. The scripts are not in that job, as each leads a session: they are
// frozen first, and go on afterwards. None of that time counts.
func obeyTerminal(done <-chan struct{}) {
	obeyed := slices.DeleteFunc(stops(), signal.Ignored)
	if len(obeyed) == 0 {
		return // Notify without signals means all of them
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, obeyed...)
	defer signal.Stop(asked)
	var late <-chan time.Time
	for {
		select {
		case <-asked:
			clock.Exclude(stopJob)
			late = time.After(lateRelay)
			select {
			case <-asked: // once from the terminal, once from "go tool"
			default:
			}
		case <-late:
			proc.ContinueLaunchers()
		case <-done:
			return
		}
	}
}

func stopJob() {
	beforeStop.Lock()
	do := beforeStop.do
	beforeStop.Unlock()
	if do != nil {
		defer do()()
	}
	proc.StopJob()
}
