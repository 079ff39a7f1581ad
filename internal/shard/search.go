package shard

import (
	"cmp"
	"math/big"
	"slices"
	"time"
)

// tight are how much longer than the bound the runners may take that are filled first: the less,
// the more evenly is divided; the more, the less is built twice.
var tight = []float64{1, 1.05, 1.15, 1.3, 1.6, 2}

// mostSimulated is how many arrangements are simulated.
const mostSimulated = 6

// arrangements are the most promising ways to divide the sinks among several runners, by what
// runners take at least.
func (p *divider) arrangements() []*arrangement {
	type rated struct {
		*arrangement
		cost float64
	}
	var all []rated
	best := p.single().bound().cost()
	for _, runners := range p.counts() {
		for _, larger := range p.largerOf(runners) {
			if runners > 2 && p.hope(runners, larger).cost() > best { // two are always tried, to tell what they come to
				continue
			}
			a := p.packed(runners, larger)
			if bound := a.bound(); bound.Shards == runners { // else it is that of fewer
				all, best = append(all, rated{a, bound.cost()}), min(best, bound.cost())
			}
		}
	}
	slices.SortStableFunc(all, func(a, b rated) int { return cmp.Compare(a.cost, b.cost) })
	var found []*arrangement
	for _, r := range all[:min(len(all), mostSimulated)] {
		found = append(found, r.arrangement)
	}
	return found
}

// few is up to how many runners each number is tried. Beyond it they differ by a fifth.
const few = 16

// counts are the numbers of runners to try, from 2 on.
func (p *divider) counts() (counts []int) {
	most := min(p.Runners, len(p.sinks), Most)
	for n := 2; n < most; {
		counts = append(counts, n)
		if n < few {
			n++
		} else {
			n += n / 5
		}
	}
	if most >= 2 {
		counts = append(counts, most)
	}
	return counts
}

// largerOf are how many of some runners may be larger ones.
func (p *divider) largerOf(runners int) (counts []int) {
	sinks := 0
	for _, s := range p.sinks {
		if p.isLarge(s) {
			sinks++
		}
	}
	if sinks == 0 {
		return []int{0}
	}
	for n := 1; n <= min(runners, sinks); n += max(1, n/2) {
		counts = append(counts, n)
	}
	return counts
}

// hope is what a number of runners comes to at best.
func (p *divider) hope(runners, larger int) Trial {
	all := p.sum(p.everything())
	return Trial{runners, p.Setup + p.target(runners, larger), time.Duration(runners)*p.Setup + time.Duration(float64(all.busy)/max(1, p.runner(larger > 0).CPUs))}
}

// everything is all that is to run, with what it needs.
func (p *divider) everything() *big.Int {
	set := new(big.Int)
	for _, s := range p.sinks {
		set.Or(set, p.closures[s])
	}
	return set
}

// target is what runners take at least, however the sinks are divided: one has to do the largest,
// and all together do everything.
func (p *divider) target(runners, larger int) time.Duration {
	all := p.sum(p.everything())
	cpus := float64(runners-larger)*max(1, p.Runner.CPUs) + float64(larger)*max(1, p.runner(larger > 0).CPUs)
	least := time.Duration(float64(all.busy) / cpus)
	for _, s := range p.sinks {
		r := p.runner(larger > 0 && p.isLarge(s))
		least = max(least, p.least(r, p.sum(p.closures[s]), p.paths[s]))
	}
	return least
}

// muchWork is from how many places for all sinks on only some targets are tried.
const muchWork = 20_000

// packed is the best arrangement found for so many runners.
func (p *divider) packed(runners, larger int) (best *arrangement) {
	times := tight
	if runners*len(p.sinks) > muchWork {
		times = tight[1:4:4]
	}
	target := p.target(runners, larger)
	for _, t := range times {
		a := p.arrange(runners, larger)
		a.fill(time.Duration(t * float64(target)))
		a.improve()
		if best == nil || a.bound().cost() < best.bound().cost() {
			best = a
		}
	}
	return best
}

// bound is what the arrangement comes to at best.
func (a *arrangement) bound() (t Trial) {
	for _, b := range a.bins {
		if len(b.sinks) > 0 {
			takes := a.Setup + b.least()
			t.Shards, t.Wall, t.Machines = t.Shards+1, max(t.Wall, takes), t.Machines+takes
		}
	}
	return t
}
