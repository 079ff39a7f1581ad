package proc

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestRunIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := NewRunID()
		time.Sleep(time.Millisecond) // ids of one millisecond may stand in any order
		if b := NewRunID(); a >= b || len(a) != 24 || len(b) != 24 {
			t.Errorf("%q, then %q", a, b)
		}
	})
}
