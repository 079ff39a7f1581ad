package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/pool"
	"github.com/heapmage/heapmage/pool/worker"
)

// handlers are the tasks of our Go worker, which is this program.
var handlers = worker.Handlers{
	"echo": func(_ context.Context, data json.RawMessage) (any, error) { return data, nil },
}

// The worker scripts in both ways of writing them.
const (
	processScript = `process.on('message', (task) => process.send({ success: true, result: task.data }));`
	threadScript  = `import { parentPort } from 'node:worker_threads';
parentPort.on('message', (task) => parentPort.postMessage({ success: true, result: task.data }));`
)

// ours are the forms of our own pool.
func ours(dir string) ([]contender, error) {
	process, thread := filepath.Join(dir, "process.cjs"), filepath.Join(dir, "thread.mjs")
	if err := errors.Join(os.WriteFile(process, []byte(processScript), 0o600), os.WriteFile(thread, []byte(threadScript), 0o600)); err != nil {
		return nil, err
	}
	var all []contender
	for _, c := range []struct {
		title   string
		program pool.Program
	}{
		{"**heapmage**, Node processes", pool.NodeScript(process)},
		{"**heapmage**, Node processes, script for a thread", pool.NodeScript(thread)},
		{"**heapmage**, Go processes", pool.Self()},
	} {
		all = append(all, contender{c.title, func(s size) (result, error) { return measureOurs(c.program, s) }})
	}
	return all, nil
}

func measureOurs(program pool.Program, s size) (r result, err error) {
	m := measurement{program: program, size: s}
	for _, step := range []struct {
		to *float64
		do func() (float64, error)
	}{
		{&r.Memory, m.memory}, {&r.Start, m.start},
		{&r.RoundTrip, func() (float64, error) { return m.inTurn(map[string]int{"n": 1}, s.Turns) }},
		{&r.Two, func() (float64, error) { return m.throughput(2) }},
		{&r.Eight, func() (float64, error) { return m.throughput(8) }},
		{&r.Megabyte, func() (float64, error) { return m.inTurn(strings.Repeat("x", 1<<20), s.Large) }},
	} {
		if *step.to, err = step.do(); err != nil {
			return result{}, err
		}
	}
	return r, nil
}

type measurement struct {
	program pool.Program
	size    size
}

// with makes a pool for what f measures.
func (m measurement) with(workers int, f func(*pool.Pool) error) error {
	p, err := pool.New(m.program, pool.Options{MaxWorkers: workers, MinWorkers: workers})
	if err != nil {
		return err
	}
	return errors.Join(f(p), p.Shutdown(context.Background()))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func exec(p *pool.Pool, data any) error {
	_, err := p.Exec(context.Background(), pool.Task{Type: "echo", Data: data})
	return err
}

func (m measurement) start() (float64, error) {
	var times []float64
	for range m.size.Starts {
		began := time.Now()
		err := m.with(1, func(p *pool.Pool) error {
			err := exec(p, 1)
			times = append(times, milliseconds(time.Since(began)))
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

// inTurn measures the time of one task, in ms, if each waits for the one before.
func (m measurement) inTurn(data any, count int) (each float64, err error) {
	want, err := json.Marshal(data)
	if err != nil {
		return 0, err
	}
	err = m.with(1, func(p *pool.Pool) error {
		for range count / 10 {
			r, err := p.Exec(context.Background(), pool.Task{Type: "echo", Data: data})
			if err != nil || string(r.Value) != string(want) {
				return fmt.Errorf("wrong answer, %w", err)
			}
		}
		began := time.Now()
		for range count {
			if err := exec(p, data); err != nil {
				return err
			}
		}
		each = milliseconds(time.Since(began)) / float64(count)
		return nil
	})
	return each, err
}

// throughput is in tasks a second.
func (m measurement) throughput(workers int) (rate float64, err error) {
	err = m.with(workers, func(p *pool.Pool) error {
		run := func(count int) error {
			var left atomic.Int64
			left.Store(int64(count))
			var callers sync.WaitGroup
			failed := make(chan error, 4*workers)
			for range 4 * workers {
				callers.Go(func() {
					for left.Add(-1) >= 0 {
						if err := exec(p, map[string]int64{"n": left.Load()}); err != nil {
							failed <- err
							return
						}
					}
				})
			}
			callers.Wait()
			close(failed)
			return <-failed
		}
		if err := run(m.size.Tasks / 10); err != nil {
			return err
		}
		began := time.Now()
		err := run(m.size.Tasks)
		rate = float64(m.size.Tasks) / time.Since(began).Seconds()
		return err
	})
	return rate, err
}

// memory is the usage of one worker of eight that have worked, in bytes.
func (m measurement) memory() (each float64, err error) {
	const workers = 8
	err = m.with(workers, func(p *pool.Pool) error {
		var all sync.WaitGroup
		failed := make(chan error, 50*workers)
		for n := range 50 * workers {
			all.Go(func() { failed <- exec(p, map[string]int{"n": n}) })
		}
		all.Wait()
		close(failed)
		for err := range failed {
			if err != nil {
				return err
			}
		}
		tracker, err := memtools.NewTracker()
		if err != nil {
			return err
		}
		s := p.Stats()
		for _, w := range s.Workers {
			tracker.Track(fmt.Sprint(w.Worker), w.PID)
		}
		sample, err := tracker.Sample()
		each = float64(sample.Total-sample.Own) / float64(len(s.Workers))
		return errors.Join(err, tracker.Close())
	})
	return each, err
}
