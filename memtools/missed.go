package memtools

// missed is the usage that the samples of a tree missed since the last one, as far as a
// process's high-water mark shows that it had more resident for a moment. The others are
// taken to have had what they had at both samples, whichever is less. Several processes may
// have had more at different moments, so each counts alone. Forks do not: what they give
// back is mostly their parent's.
func (tr *tree) missed() Bytes {
	var sum, more Bytes
	for _, e := range tr.members {
		now, highest := e.counted(), max(e.MaxRSS, e.RSS)
		least := min(now, e.last)
		sum, e.last = sum+least, now
		if highest < e.maxSeen {
			e.maxSeen = 0 // it runs another program now
		}
		if highest > e.maxSeen && !e.fork {
			more = max(more, now-least+Bytes(highest-e.RSS))
		}
		e.maxSeen = highest
		tr.maxRSS = max(tr.maxRSS, Bytes(highest))
	}
	return sum + more
}
