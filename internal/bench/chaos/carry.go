//go:build linux

package chaos

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/heapmage/heapmage/internal/bench/cage"
)

const (
	// patience bounds one build; in an emulated machine it may take emulatedPatience.
	// farewell is the time until its processes are gone. A busy machine is slow.
	patience         = 4 * time.Minute
	emulatedPatience = 20 * time.Minute
	farewell         = 10 * time.Second
)

func (o Options) patience() time.Duration {
	if o.Machine {
		return emulatedPatience
	}
	return patience
}

// result is what came of a plan.
type result struct {
	plan   plan
	safe   bool // the kernel has no reason to kill anything
	took   time.Duration
	done   map[Kind]int // faults that came to pass
	kills  int          // by the kernel
	broken []string     // what did not hold
}

func (r *result) breaks(format string, args ...any) {
	r.broken = append(r.broken, fmt.Sprintf(format, args...))
}

// carry carries out a plan in dir, which is empty. An error is one of this program or
// of the machine.
func (p plan) carry(ctx context.Context, o Options, program, dir string) (r result, err error) {
	r = result{plan: p, safe: p.safe(o.Rate), done: map[Kind]int{}}
	start := time.Now()
	roots, err := p.lay(dir, program)
	if err != nil {
		return r, err
	}
	before, err := picture(dir)
	if err != nil {
		return r, err
	}
	for i, root := range roots {
		if !p.has(i, FullDisk) {
			continue
		}
		unmount, err := mountDisk(root)
		if err != nil {
			return r, err
		}
		defer func() { err = errors.Join(err, unmount()) }()
	}
	limited, err := cage.New(p.limit)
	if err != nil {
		return r, err
	}
	all, err := p.together(ctx, site{program, limited}, o, roots, &r)
	if err == nil {
		r.inspect(limited, all)
	}
	_, closed := limited.Close()
	if err = errors.Join(err, closed, ctx.Err()); err != nil {
		return r, err
	}
	for i, root := range roots {
		if err := r.afterwards(ctx, o, i, root); err != nil {
			return r, err
		}
	}
	after, err := picture(dir)
	if err != nil {
		return r, err
	}
	for i := range roots {
		if r.hasty() || p.has(i, FullDisk) { // then logs go to a temporary folder
			delete(before, temp)
			maps.DeleteFunc(after, func(name, _ string) bool { return strings.HasPrefix(name, temp) })
		}
	}
	if text := before.changed(after); text != "" {
		r.breaks("changed: %s", text)
	}
	r.took = time.Since(start)
	return r, nil
}

// together runs the builds at once, with their faults, until all have ended.
func (p plan) together(ctx context.Context, s site, o Options, roots []string, r *result) (all []*running, err error) {
	ctx, cancel := context.WithTimeout(ctx, o.patience())
	var faults sync.WaitGroup
	defer func() { cancel(); faults.Wait() }()
	var mu sync.Mutex
	for i, b := range p.builds {
		pause(ctx, b.delay)
		build, err := launch(s.limited, o.Binary, roots[i], roots[i]+logEnd, b.target)
		if err != nil {
			kill(all...)
			return all, err
		}
		all = append(all, build)
		for _, f := range p.faults {
			if f.build != i {
				continue
			}
			faults.Go(func() {
				if s.inflict(ctx, f, build) {
					mu.Lock()
					defer mu.Unlock()
					r.done[f.kind]++
				}
			})
		}
	}
	for i, build := range all {
		select {
		case <-build.ended:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				r.breaks("build %d still runs after %v", i, o.patience())
			}
			kill(all...)
			return all, nil
		}
	}
	if len(all) > 1 {
		r.done[Neighbour]++
	}
	return all, nil
}

// kill ends what still runs. Nothing of it counts any more.
func kill(all ...*running) {
	for _, b := range all {
		b.signal(syscall.SIGCONT)
		b.signal(syscall.SIGKILL)
		<-b.ended
	}
}

// hasty reports whether heapmage was killed so soon after its reaper that nothing can
// have cleaned up.
func (r *result) hasty() bool {
	return slices.ContainsFunc(r.plan.faults, func(f fault) bool { return f.kind == KillBoth && f.lasting < restartWindow })
}

// inspect looks at what the builds left, and at how they ended.
func (r *result) inspect(limited *cage.Cage, all []*running) {
	if !r.hasty() {
		if left := remaining(limited); len(left) > 0 {
			r.breaks("%d processes left: %s", len(left), strings.Join(left, "; "))
		}
	}
	counted, err := limited.Counted()
	if err != nil {
		r.breaks("the kernel's counters: %v", err)
	}
	r.kills = counted.Kills
	if r.kills > 0 && r.safe {
		r.breaks("the kernel killed %d processes", r.kills)
	}
	for i, build := range all {
		if code, ended := r.plan.ended(i); ended && (build.code == code || build.code == -1 && !recorded(build.root)) {
			continue // it came to pass in time, perhaps before heapmage could take a signal
		}
		if !r.excused() {
			r.judge(i, build.root, build.code)
		}
	}
}

// remaining lists the processes in the limit once none may be left.
func remaining(limited *cage.Cage) (left []string) {
	for end := time.Now().Add(farewell); ; time.Sleep(50 * time.Millisecond) {
		processes, err := limited.Sample()
		if err != nil {
			return []string{err.Error()}
		}
		if len(processes) == 0 {
			return nil
		}
		if time.Now().After(end) {
			for _, p := range processes {
				left = append(left, strings.Join(p.Arguments, " "))
			}
			return left
		}
	}
}

// ended returns the exit code of a build that a fault ends.
func (p plan) ended(build int) (code int, ends bool) {
	switch {
	case p.has(build, KillHeapmage, KillBoth):
		return -1, true
	case p.has(build, Interrupt):
		return 130, true
	case p.has(build, Terminate):
		return 143, true
	default:
		return 0, false
	}
}

// excused reports whether the kernel killed something that it may kill. What then
// becomes of the builds is not ours to say.
func (r *result) excused() bool { return r.kills > 0 && !r.safe }

// judge compares build i with what it must come to.
func (r *result) judge(i int, root string, code int) {
	p := r.plan
	built := p.builds[i].built(root)
	for _, text := range p.expect(i).check(code, built) {
		r.breaks("build %d: %s", i, text)
	}
	if p.has(i, FullDisk, Wipe) {
		return
	}
	if err := readRecord(root, code, built); err != nil {
		r.breaks("build %d: its record: %v", i, err)
	}
}

// afterwards reads the history, and builds once more in peace what was ended.
func (r *result) afterwards(ctx context.Context, o Options, i int, root string) error {
	b := r.plan.builds[i]
	must := b.built(root)
	if _, ends := r.plan.ended(i); ends {
		if err := b.clean(root); err != nil {
			return err
		}
		peace, err := cage.New(r.plan.limit)
		if err != nil {
			return err
		}
		again, err := launch(peace, o.Binary, root, root+"-again"+logEnd, b.target)
		if err == nil {
			select {
			case <-again.ended:
			case <-time.After(o.patience()):
				r.breaks("build %d again still runs after %v", i, o.patience())
				kill(again)
			case <-ctx.Done():
				kill(again)
				err = ctx.Err()
			}
		}
		counted, unread := peace.Counted()
		_, closed := peace.Close()
		if err = errors.Join(err, unread, closed); err != nil {
			return err
		}
		if counted.Kills == 0 {
			must = b.built(root)
			for _, text := range r.plan.peaceful().expect(i).check(again.code, must) {
				r.breaks("build %d again: %s", i, text)
			}
		}
	}
	if r.plan.has(i, FullDisk, Wipe, Lock) {
		must = nil // it may have been lost, and the log says so
	}
	if err := readHistory(ctx, o.Binary, root, must); err != nil {
		r.breaks("build %d: its history: %v", i, err)
	}
	return nil
}
