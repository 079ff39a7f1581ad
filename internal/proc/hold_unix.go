//go:build unix

package proc

import (
	"maps"
	"slices"
	"sync"
)

// hold freezes all commands, those that are being ended too, and keeps new ones from
// starting, for instance because this process is about to be stopped. The returned
// function lets all go on but those that are suspended on their own.
func hold() (release func()) {
	commands.gate.Lock()
	commands.mu.Lock()
	held := slices.Collect(maps.Keys(commands.running))
	commands.mu.Unlock()
	for _, p := range held {
		p.setHeld(true)
	}
	return sync.OnceFunc(func() {
		for _, p := range held {
			p.setHeld(false)
		}
		commands.gate.Unlock()
	})
}

func (p *Process) setHeld(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = on
	switch {
	case on:
		_ = p.tree.suspend() // what cannot be frozen runs on
	case !p.suspended:
		_ = p.tree.resume()
	}
}
