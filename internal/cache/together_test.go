package cache

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

func init() {
	children["put"] = putForEver
}

// putForEver stores results under new keys, and prints each that is acknowledged.
func putForEver(dir string) {
	w := &world{dir: dir, Store: In(dir)}
	var err error
	w.root, err = os.OpenRoot(dir)
	for n := 0; err == nil; n++ {
		key := fmt.Sprintf("%d-%d", os.Getpid(), n)
		log := io.MultiReader(strings.NewReader(key), bytes.NewReader(make([]byte, rand.IntN(1<<18))))
		e := Entry{Key: keyOf(key), Task: key, Files: []File{{Path: "dist/a"}, {Path: "dist/b"}}}
		if _, err = w.Put(context.Background(), e, w.root, log); err == nil {
			err = w.AddManifest(context.Background(), keyOf("weak"), []byte(fmt.Sprint(n)))
		}
		if err == nil {
			fmt.Println(key)
		}
	}
	fmt.Println("error:", err)
}

func child(do, dir string) *exec.Cmd {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "CACHE_CHILD="+do, "CACHE_ROOT="+dir)
	c.Stderr = os.Stderr
	return c
}

// What was acknowledged survives a kill at any moment, and what it leaves can be pruned.
func TestKilled(t *testing.T) {
	w := newWorld(t)
	w.file("dist/a", strings.Repeat("a", 100_000))
	w.file("dist/b", "b")
	rounds := 20
	if testing.Short() {
		rounds = 5
	}
	var acknowledged []string
	leftovers := 0
	for range rounds {
		two := [2]*exec.Cmd{child("put", w.dir), child("put", w.dir)}
		var all sync.WaitGroup
		var mu sync.Mutex
		for _, c := range two {
			out, err := c.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			after := 1 + rand.IntN(8)
			all.Go(func() {
				lines := bufio.NewScanner(out)
				for n := 1; lines.Scan(); n++ {
					mu.Lock()
					acknowledged = append(acknowledged, lines.Text())
					mu.Unlock()
					if n == after {
						time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond) // any moment will do
						_ = c.Process.Kill()
					}
				}
				_ = c.Wait() // it was killed
			})
		}
		all.Wait()
		leftovers = len(w.cached(temps))
		if checked, faults, err := w.Check(t.Context()); err != nil || len(faults) > 0 || checked == 0 {
			t.Fatal(checked, faults, err)
		}
		if _, err := w.Manifests(keyOf("weak")); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range acknowledged {
		if !w.has(key) {
			t.Errorf("%s was acknowledged and is lost", key)
		}
	}
	w.age(time.Hour)
	w.prune(0)
	w.isClean()
	t.Logf("%d acknowledged, %d temporary files left by %d kills", len(acknowledged), leftovers, 2*rounds)
	if leftovers == 0 && !testing.Short() {
		t.Error("no kill was in the middle")
	}
}

// Whatever others do meanwhile, a hit is right, and nothing fails but by a miss.
func TestAllAtOnce(t *testing.T) {
	w := newWorld(t)
	other := openWorld(t, w.dir) // as another process
	const keys = 8
	for n := range keys {
		w.file(fmt.Sprintf("dist%d/a", n), strings.Repeat(fmt.Sprint(n), 5000))
		w.file(fmt.Sprintf("dist%d/sub/b", n), fmt.Sprint(n))
	}
	var all sync.WaitGroup
	ctx := t.Context()
	rounds := 40
	if testing.Short() {
		rounds = 10
	}
	for worker := range 6 {
		store := []*world{w, other}[worker%2]
		target := newWorld(t)
		random := rand.New(rand.NewPCG(1, uint64(worker)))
		all.Go(func() {
			for range rounds {
				n := random.IntN(keys)
				key := fmt.Sprint("k", n)
				switch random.IntN(5) {
				case 0, 1:
					e := Entry{Key: keyOf(key), Files: []File{{Path: fmt.Sprintf("dist%d/a", n)}, {Path: fmt.Sprintf("dist%d/sub/b", n)}}}
					put := store.Put
					if random.IntN(2) == 0 {
						put = store.Replace
					}
					s, err := put(ctx, e, store.root, strings.NewReader(key))
					if err != nil || s.Existed && !s.Equal {
						t.Errorf("put %s: %+v, %v", key, s, err)
					}
				case 2, 3:
					e, err := store.Get(keyOf(key))
					if err == nil {
						store.Use(e.Key, e.Key)
						_, err = store.Restore(ctx, e, target.target())
					}
					if err != nil && whyOf(err) == 0 || whyOf(err) == Damaged {
						t.Errorf("get %s: %v", key, err)
					}
					if text, _ := os.ReadFile(target.path(fmt.Sprintf("dist%d/a", n))); err == nil && string(text) != strings.Repeat(fmt.Sprint(n), 5000) {
						t.Errorf("%s was put back wrong", key)
					}
				case 4:
					if _, err := store.Prune(ctx, 3000); err != nil {
						t.Error(err)
					}
					if _, err := store.Stats(ctx); err != nil {
						t.Error(err)
					}
				}
				if err := store.AddManifest(ctx, keyOf(key), []byte(fmt.Sprint(worker))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	w.isClean()
}

func TestTwoWritersOfManifestsLoseNothing(t *testing.T) {
	w := newWorld(t)
	other := openWorld(t, w.dir)
	var all sync.WaitGroup
	for n := range mostManifests {
		store := []*world{w, other}[n%2]
		all.Go(func() {
			if err := store.AddManifest(t.Context(), keyOf("weak"), []byte(fmt.Sprint(n))); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if sets, err := w.Manifests(keyOf("weak")); err != nil || len(sets) != mostManifests {
		t.Errorf("%s, %v", sets, err)
	}
}
