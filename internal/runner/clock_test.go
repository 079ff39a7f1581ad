//go:build unix

package runner

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/heapmage/heapmage/internal/clock"
)

// TestTimeoutOfAStoppedProcess: the time for which this process is stopped does not
// count for an attempt.
func TestTimeoutOfAStoppedProcess(t *testing.T) {
	run := func(t *testing.T, length time.Duration) (timedOut bool) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			watched, unwatch := context.WithCancel(t.Context())
			go clock.Watch(watched)
			time.AfterFunc(length, cancel) // the attempt ends
			go clock.Exclude(func() { time.Sleep(13 * time.Second) })
			(&Attempt{}).endAfter(ctx, 12*time.Second, func() { timedOut = true })
			unwatch()
			synctest.Wait()
		})
		return timedOut
	}
	t.Run("it has time left", func(t *testing.T) {
		if run(t, 20*time.Second) {
			t.Error("timed out")
		}
	})
	t.Run("its end comes with the end of its time", func(t *testing.T) {
		if run(t, 25*time.Second+lastLook/2) {
			t.Error("timed out")
		}
	})
	t.Run("its time is up", func(t *testing.T) {
		if !run(t, 26*time.Second) {
			t.Error("not timed out")
		}
	})
}
