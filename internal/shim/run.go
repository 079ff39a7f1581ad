//go:build linux || darwin

package shim

import (
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/heapmage/heapmage/internal/admission/frame"
	"github.com/heapmage/heapmage/internal/environ"
)

// run is the whole life of a shim. It does not return.
func run() {
	runtime.LockOSThread() // the first thread, which ends with the process (see attributes)
	in := newInvocation(os.Args, syscall.Environ())
	s := &script{invocation: in, parent: os.Getppid(), group: unix.Getpgrp(), stdin: newInput()}
	s.signals.init()
	folder, err := syscall.Getwd() // as the system knows it: PWD is what somebody wrote
	if in.folder == "" || !in.isScript() || err != nil {
		s.become(frame.Frame{Keep: true})
	}
	g, err := dial(in.folder)
	if err != nil {
		s.become(frame.Frame{})
	}
	s.guard = g
	s.signals.take(false)
	go s.obey()
	g.send(frame.Frame{
		Version: frame.Version, Type: frame.Ask,
		Event: environ.Value(in.env, environ.NPMLifecycleEvent), Folder: folder,
		Text:        environ.Value(in.env, environ.NPMLifecycleScript),
		NodeOptions: environ.Value(in.env, environ.NodeOptions), GoMemLimit: environ.Value(in.env, environ.GoMemLimit), Stdin: s.stdin.kind,
	})
	for {
		f, ok := s.wait()
		if !ok || f.Type == frame.Pass {
			s.become(f)
		}
		s.start(f)
		ended := s.await()
		g.send(ended)
		if !s.anotherAttempt() {
			endAs(s.status)
		}
		s.stdin.restore()
		s.rejoin()
	}
}

// wait waits for the word of the guard. Without a guard there is none.
func (s *script) wait() (f frame.Frame, ok bool) {
	tick := time.NewTicker(frame.Heartbeat)
	defer tick.Stop()
	// Seconds are counted, and not taken from a clock: while the terminal had everything
	// stopped, nothing could be said.
	for silent := time.Duration(0); silent < frame.Silence; {
		select {
		case f, ok := <-s.guard.frames:
			if !ok || f.Type == frame.Run || f.Type == frame.Pass {
				s.needRunner()
				return f, ok
			}
			silent = 0
		case <-tick.C:
			silent += frame.Heartbeat
			s.needRunner()
		}
	}
	return frame.Frame{}, false
}

// anotherAttempt asks the guard, once the script has ended.
func (s *script) anotherAttempt() bool {
	tick := time.NewTicker(frame.Heartbeat)
	defer tick.Stop()
	for silent := time.Duration(0); silent < frame.Answer; {
		select {
		case f, ok := <-s.guard.frames:
			if !ok || f.Type == frame.End {
				return false
			}
			if f.Type == frame.Again {
				return s.runnerLives()
			}
		case <-tick.C:
			silent += frame.Heartbeat
		}
	}
	return false
}

// needRunner ends this process if the runner has ended: nobody would see the result.
func (s *script) needRunner() {
	if !s.runnerLives() {
		os.Exit(1)
	}
}

// runnerLives reports whether the runner waits for this process. SIGKILL to its group ends the
// script, too, and may do so first: that is no reason for another attempt.
func (s *script) runnerLives() bool { return os.Getppid() == s.parent && !isEnding(s.parent) }
