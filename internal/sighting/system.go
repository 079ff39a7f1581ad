//go:build linux || darwin

package sighting

import (
	"time"

	"github.com/heapmage/heapmage/internal/proctable"
)

// system is the world as the process table shows it.
type system struct {
	table  *proctable.Table
	births *proctable.Births
	begun  []proctable.Process
	waker  *waker
}

func openSystem() (*system, error) {
	table, err := proctable.Open()
	if err != nil {
		return nil, err
	}
	s := &system{table: table, births: table.Births(), waker: newWaker()}
	s.waker.watch("/bin/sh")
	return s, nil
}

func (s *system) close() error {
	s.waker.close()
	s.births.Close()
	return s.table.Close()
}

func (s *system) next(now time.Time) ([]proctable.Process, error) {
	var err error
	s.begun, err = s.births.Next(now, s.begun[:0])
	return s.begun, err
}

func (s *system) process(pid int) (proctable.Process, bool) {
	p := proctable.Process{Identity: proctable.Identity{PID: pid}}
	err := s.table.Identify(&p)
	return p, err == nil && !p.Zombie
}

func (s *system) exists(pid int) bool        { return proctable.Exists(pid) }
func (s *system) arguments(pid int) []string { return s.table.Arguments(pid) }
func (s *system) folder(pid int) string      { return s.table.Folder(pid) }
func (s *system) executable(pid int) string  { return s.table.Executable(pid) }

func (s *system) woken() <-chan struct{} { return s.waker.woken() }
func (s *system) watch(program string)   { s.waker.watch(program) }

func (s *system) variable(pid int, name string) string {
	environ, _ := s.table.Environ(pid)
	return proctable.Marks(environ, name)
}
