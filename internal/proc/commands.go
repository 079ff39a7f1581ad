package proc

import "sync"

// commands are the commands that run.
var commands = struct {
	gate sync.RWMutex // held for reading by a start, for writing while all are held

	mu      sync.Mutex // guards running
	running map[*Process]bool
}{running: map[*Process]bool{}}

func (p *Process) enlist() {
	commands.mu.Lock()
	defer commands.mu.Unlock()
	commands.running[p] = true
}

func (p *Process) leave() {
	commands.mu.Lock()
	defer commands.mu.Unlock()
	delete(commands.running, p)
}
