package schedule

import "slices"

// Attempts that are aside hold what they use and nothing else. What they use counts as the
// run's own, no decision waits for their end, and they do not count as the one that may
// always run: it may be that they only end when others have run.

// startLasting starts the lasting jobs that are ready.
func (l *ledger) startLasting(m Memory) (started []*job) {
	started, l.lasting = l.lasting, nil
	for _, j := range started {
		l.begin(j, m)
	}
	l.aside = append(l.aside, started...)
	return started
}

// setAside releases the job with an ID. An attempt that is being stopped ends anyway.
func (l *ledger) setAside(id string) []correction {
	j := l.jobs[id]
	if at := slices.Index(l.ready, j); at >= 0 {
		l.ready = slices.Delete(l.ready, at, at+1)
		l.ended()
		l.settle(j, Failed)
		return nil
	}
	if !slices.Contains(l.running, j) || j.stopping {
		return nil
	}
	l.running = slices.DeleteFunc(l.running, func(r *job) bool { return r == j })
	l.aside = append(l.aside, j)
	delete(l.jobs, id)
	j.released = true
	l.rest = nil // what it uses joins the rest, which does not grow by that
	if !j.frozen {
		return nil
	}
	j.frozen = false
	return []correction{{thaw, j}}
}

// withAside returns m with what is aside as a part of the rest.
func (l *ledger) withAside(m Memory) Memory {
	for _, j := range l.aside {
		if other := l.jobs[j.ID]; other == j || !slices.Contains(l.running, other) {
			m.Rest += m.Tasks[j.ID]
		}
	}
	return m
}

// endLasting ends the newest lasting attempt when nothing else is left and the kernel kills
// next.
func (l *ledger) endLasting(m Memory) []correction {
	if len(l.aside) == 0 {
		return nil
	}
	l.rest.Note(m.Time, m.Rest)
	for _, j := range slices.Backward(l.aside) {
		if j.released {
			continue
		}
		if j.stopping && m.Time.Sub(j.stoppedAt) < stopTimeout || m.Time.Sub(l.lastFreed) < freeTime || !l.atEdge(m, nil) {
			return nil
		}
		if m.Time.Sub(l.lastCollect) >= collectTimeout {
			return []correction{l.collect(m)}
		}
		if !j.stopping {
			return l.stop(m, j, giveUp)
		}
	}
	return nil
}
