package memtools

import (
	"errors"
	"math"
	"os"
	"testing"
)

func TestMarker(t *testing.T) {
	t.Setenv(MarkerEnv, "")
	if got := Marker("run/core#build"); got != "HEAPMAGE_TASK=run/core#build" {
		t.Errorf("Marker = %q", got)
	}
	t.Setenv(MarkerEnv, "outer")
	if got := Marker("inner"); got != "HEAPMAGE_TASK=outer;inner" {
		t.Errorf("inside of another run: %q", got)
	}
}

func TestIdentifyNobody(t *testing.T) {
	if _, err := Identify(math.MaxInt32); err == nil {
		t.Error("no process has the highest PID")
	} else if !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("%v is not os.ErrProcessDone", err)
	}
}
