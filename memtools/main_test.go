package memtools

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// helpers are what the test binary does in place of tests when it is started
// with helperEnv: a real process for a test.
var helpers = map[string]func(){}

const helperEnv = "MEMTOOLS_TEST_HELPER"

func TestMain(m *testing.M) {
	if help := helpers[os.Getenv(helperEnv)]; help != nil {
		help()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}
