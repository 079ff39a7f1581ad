package session

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/heapmage/heapmage/internal/elder"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/memtools"
)

// Sharing is a session among the other programs that take memory. It is used by the
// goroutine of schedule.Run.
type Sharing struct {
	*Session
	elders *elder.Run
}

// Share makes the session known to younger ones, until Leave.
func (s *Session) Share() *Sharing { return &Sharing{s, elder.Enter(s.ID)} }

// Leave ends what Share began.
func (s *Sharing) Leave() { s.elders.Leave() }

// Options adds what the scheduler needs to know of the session.
func (s *Sharing) Options(o schedule.Options) schedule.Options {
	o.Memory, o.Measured, o.Crowded = s.memory, s.Sampled, s.crowded
	// It is drawn each time, so that two runs that wait for each other do not give way at the
	// same moment again and again.
	o.Patience = func() time.Duration { return 20*time.Second + rand.N(20*time.Second) } //nolint:gosec // no secret
	return o
}

// memory is the last measurement as the scheduler reads it.
func (s *Sharing) memory() schedule.Memory {
	now := s.Meter.Last()
	m := schedule.Memory{
		Time: now.Time, Usage: now.Usage, Rest: now.Rest, Budget: now.Budget, Most: s.undisturbed,
		Available: now.Available, Swap: now.Swap, Stalled: now.Stalled,
		Tasks: s.Tasks(now), CPU: byTask(s.Session, now.CPU),
	}
	at := time.Now() // other processes have the same, unlike now.Time
	s.elders.Uses(at, now.Usage)
	m.Elder = m.Shared() && s.elders.AtWork(at) > 0
	return m
}

// crowded tells that the run waits for memory that other programs hold.
func (s *Sharing) crowded(others memtools.Bytes) {
	text := fmt.Sprintf("Other programs hold %v of the %v that this run may use: it waits until there is room", others, s.undisturbed)
	if pid := s.elders.AtWork(time.Now()); pid > 0 {
		text += fmt.Sprintf("; an older run of heapmage (process %d) goes first", pid)
	}
	s.Events.Emit(event.Notice{Kind: event.OthersMemory, Text: text})
}
