package vmtest

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"testing"
	"time"
)

// chaosEnv is for how many minutes TestChaos begins plans. Zero or unset means none, and
// chaosSeedEnv is the first seed.
const (
	chaosEnv     = "CHAOS_MINUTES"
	chaosSeedEnv = "CHAOS_SEED"
)

// TestChaos carries out random plans of package chaos in the machine, whose clock is set
// meanwhile.
func TestChaos(t *testing.T) {
	minutes, _ := strconv.Atoi(os.Getenv(chaosEnv))
	if minutes == 0 {
		t.Skip(chaosEnv + " is not set")
	}
	needsMachine(t)
	seed := os.Getenv(chaosSeedEnv)
	if seed == "" {
		seed = "1"
	}
	m := newMachine(t)
	// In place of Node there is what answers what heapmage asks it at its start.
	initial := initialFiles(t, m, "ln -s /tests/shapes.test /bin/node\n/bench chaos -machine -binary /heapmage -cache /tmp/bench -seed "+seed+
		" -minutes "+strconv.Itoa(minutes)+" 2>&1 || tail -n 60 /tmp/bench/chaos/seed-*/*.log\necho @@end\n")
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(minutes+10)*time.Minute)
	defer cancel()
	log, printed, err := m.boot(ctx, t, initial)
	t.Logf("%s", printed)
	if err != nil || !bytes.HasSuffix(bytes.TrimSpace(printed), []byte("@@end")) {
		t.Errorf("%v\n%s", err, log)
	}
	if bytes.Contains(printed, []byte("BROKEN")) || !bytes.Contains(printed, []byte(" plans, ")) {
		t.Error("something that must hold did not")
	}
}
