package mage_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// party is who a process is in a guarded run.
type party string

const (
	theGuard  party = "guard"
	theReaper party = "reaper"
	aShim     party = "shim"
	aRunner   party = "runner"
	aScript   party = "script"
)

// parties are the living processes of a guarded run in a folder, by who they are.
func parties(t *testing.T, root string) map[party][]int {
	found := map[party][]int{}
	for _, link := range processesIn(root) {
		dir := filepath.Dir(link)
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			t.Fatal(err)
		}
		exe, _ := os.Readlink(filepath.Join(dir, "exe"))
		args, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		first, _, _ := bytes.Cut(args, []byte{0})
		who := aScript
		switch name := filepath.Base(string(first)); {
		case exe == binary && name == "sh":
			who = aShim
		case exe == binary:
			who = theGuard
			found[theReaper] = append(found[theReaper], childrenNamed(pid, "reaper")...)
		case bytes.Contains(args, []byte("npm")) || bytes.Contains(args, []byte("wait")):
			who = aRunner
		}
		found[who] = append(found[who], pid)
	}
	return found
}

// TestGuardedKills kills parts of guarded runs at random moments, while scripts wait, run and are
// frozen. All scripts end by themselves, so whatever is left had been stopped for ever, or waits
// for what is gone.
func TestGuardedKills(t *testing.T) {
	const (
		work = `
const kept = [], grow = () => { kept.push(Buffer.alloc(8 << 20, 1)); if (kept.length < 12) setTimeout(grow, 60); };
grow(); setTimeout(() => process.exit(), 2000);
`
		command = `for p in a b c d e; do npm run -s work -w $p & done; wait`
	)
	kills, seed := 5, rand.Uint64()
	if v := os.Getenv("GUARD_KILLS"); v != "" {
		var err error
		if kills, err = strconv.Atoi(v); err != nil {
			t.Fatal(err)
		}
	}
	if v := os.Getenv("GUARD_SEED"); v != "" {
		var err error
		if seed, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("GUARD_SEED=%d GUARD_KILLS=%d", seed, kills)
	random := rand.New(rand.NewPCG(seed, 0))
	scripts := map[string]string{}
	for _, p := range []string{"a", "b", "c", "d", "e"} {
		scripts[p] = `"work": "node ../../work.js; true"`
	}
	root := guardWorkspace(t, scripts, map[string]string{
		"work.js": work, "heapmage.yaml": "packages: {a: {need: 20MB}, b: {need: 20MB}, c: {need: 20MB}, d: {need: 200MB}, e: {need: 200MB}}\n",
	})
	frozen := 0
	for n := range kills {
		c := guarded(root, command, "HEAPMAGE_BUDGET=280MB")
		var log bytes.Buffer
		c.Stderr = &log
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "a script to run", func() bool { return len(parties(t, root)[aScript]) > 0 })
		time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
		victims := [][]party{{theGuard}, {aShim}, {aRunner}, {aScript}, {theGuard, aShim}, {theGuard, theReaper}, {aRunner, aShim}, {theReaper}}[random.IntN(8)]
		signal := []syscall.Signal{syscall.SIGKILL, syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP}[random.IntN(5)]
		there := parties(t, root)
		if slices.Contains(slices.Collect(maps.Values(states(root))), "T") {
			frozen++
		}
		what := fmt.Sprintf("%d: %v with %v, of %v", n, victims, signal, there)
		all := random.IntN(2) == 0
		for _, who := range victims {
			for i, pid := range there[who] {
				if i == 0 || all {
					_ = syscall.Kill(pid, signal)
				}
			}
		}
		_ = c.Wait()
		ended := time.Now()
		for len(processesIn(root)) > 0 {
			if time.Since(ended) > time.Minute {
				t.Fatalf("left after %s, in the states %v\n%s", what, states(root), log.String())
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Log(what, "frozen in", frozen)
	}
	if kills > 50 && frozen == 0 {
		t.Error("nothing was frozen in any run")
	}
}

// states are the states of the processes in a folder, by PID.
func states(root string) map[int]string {
	found := map[int]string{}
	for _, link := range processesIn(root) {
		stat, _ := os.ReadFile(filepath.Join(filepath.Dir(link), "stat"))
		_, rest, ok := bytes.Cut(stat, []byte(") "))
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link))); err == nil && ok {
			found[pid] = string(rest[:1])
		}
	}
	return found
}
