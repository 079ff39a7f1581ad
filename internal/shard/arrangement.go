package shard

import (
	"cmp"
	"math/big"
	"slices"
	"time"
)

// arrangement is one way to divide the sinks.
type arrangement struct {
	*divider
	bins []*bin
}

// bin is what one runner gets.
type bin struct {
	*divider
	larger bool
	sinks  []int
	uses   []int32 // by task, how many of the sinks need it
	load   load
	path   time.Duration // the longest of the sinks
}

func (p *divider) arrange(runners, larger int) *arrangement {
	a := &arrangement{divider: p}
	for i := range runners {
		a.bins = append(a.bins, &bin{divider: p, larger: i < larger, uses: make([]int32, len(p.works))})
	}
	return a
}

// takes reports whether a sink can run there.
func (b *bin) takes(sink int) bool { return b.larger || !b.isLarge(sink) }

func (b *bin) add(sink int) {
	b.sinks, b.path = append(b.sinks, sink), max(b.path, b.paths[sink])
	for _, i := range b.lists[sink] {
		if b.uses[i]++; b.uses[i] == 1 {
			b.load.add(&b.works[i], 1)
		}
	}
}

// remove takes a sink away. It returns the place that it had.
func (b *bin) remove(sink int) (at int) {
	at = slices.Index(b.sinks, sink)
	b.sinks = slices.Delete(b.sinks, at, at+1)
	if b.path == b.paths[sink] {
		b.path = 0
		for _, s := range b.sinks {
			b.path = max(b.path, b.paths[s])
		}
	}
	for _, i := range b.lists[sink] {
		if b.uses[i]--; b.uses[i] == 0 {
			b.load.add(&b.works[i], -1)
		}
	}
	return at
}

// putBack undoes remove.
func (b *bin) putBack(sink, at int) {
	b.add(sink)
	b.sinks = slices.Insert(b.sinks[:len(b.sinks)-1], at, sink)
}

// least is what the runner takes at least.
func (b *bin) least() time.Duration {
	return b.divider.least(b.runner(b.larger), b.load, b.path)
}

// with is what the runner takes at least with one sink more, and how much of that is new to it.
func (b *bin) with(sink int) (least, more time.Duration) {
	l := b.load
	for _, i := range b.lists[sink] {
		if b.uses[i] == 0 {
			l.add(&b.works[i], 1)
		}
	}
	return b.divider.least(b.runner(b.larger), l, max(b.path, b.paths[sink])), l.busy - b.load.busy
}

// tasks are all that the runner has to do.
func (b *bin) tasks() *big.Int {
	set := new(big.Int)
	for _, s := range b.sinks {
		set.Or(set, b.closures[s])
	}
	return set
}

// failing is added to the time of a shard for each task that does not fit into its memory.
const failing = 24 * time.Hour

// time is what the runner takes in simulation.
func (b *bin) time() time.Duration {
	run := b.simulate(b.larger, b.tasks())
	return run.Wall + time.Duration(len(run.Failed))*failing
}

// single has one runner do all.
func (p *divider) single() *arrangement {
	larger := 0
	if p.large.Sign() > 0 {
		larger = 1
	}
	a := p.arrange(1, larger)
	for _, s := range p.sinks {
		a.bins[0].add(s)
	}
	return a
}

// fill puts each sink where it adds least of those runners that then take no longer than target;
// if there is none, where it is done first.
func (a *arrangement) fill(target time.Duration) {
	for _, s := range a.sinks {
		best, over, rank := -1, true, [2]time.Duration{}
		for i, b := range a.bins {
			if !b.takes(s) {
				continue
			}
			least, more := b.with(s)
			this := [2]time.Duration{more, least}
			if least > target {
				this = [2]time.Duration{least, more}
			}
			if best < 0 || over && least <= target || over == (least > target) && slices.Compare(this[:], rank[:]) < 0 {
				best, over, rank = i, least > target, this
			}
		}
		a.bins[best].add(s)
	}
}

// worst is the runner that takes longest.
func (a *arrangement) worst(takes func(*bin) time.Duration) (worst *bin, most time.Duration) {
	for _, b := range a.bins {
		if t := takes(b); worst == nil || t > most {
			worst, most = b, t
		}
	}
	return worst, most
}

// move is a sink that changes its runner, perhaps for another one.
type move struct {
	sink, back int // back is -1 for none
	from, to   *bin
	most       time.Duration // what both runners take at least then
}

func (m move) do() {
	m.from.remove(m.sink)
	if m.back >= 0 {
		m.to.remove(m.back)
		m.from.add(m.back)
	}
	m.to.add(m.sink)
}

func (m move) undo() {
	m.to.remove(m.sink)
	if m.back >= 0 {
		m.from.remove(m.back)
		m.to.add(m.back)
	}
	m.from.add(m.sink)
}

// moves are those that take something from a runner so that both take less than most. Exchanges
// are among them if there are few tasks.
func (a *arrangement) moves(from *bin, most time.Duration) (all []move) {
	for _, s := range slices.Clone(from.sinks) {
		at := from.remove(s)
		without := from.least()
		for _, to := range a.bins {
			if to == from || !to.takes(s) || without >= most {
				continue
			}
			if with, _ := to.with(s); with < most {
				all = append(all, move{s, -1, from, to, max(with, without)})
			}
		}
		from.putBack(s, at)
	}
	if pairs := len(from.sinks) * len(a.sinks); pairs <= mostPairs {
		all = append(all, a.exchanges(from, most)...)
	}
	return all
}

func better(a, b move) int { return cmp.Compare(a.most, b.most) }

// mostPairs bounds the exchanges that are looked at.
const mostPairs = 3_000

func (a *arrangement) exchanges(from *bin, most time.Duration) (all []move) {
	for _, to := range a.bins {
		if to == from {
			continue
		}
		for _, s := range slices.Clone(from.sinks) {
			at := from.remove(s)
			for _, back := range slices.Clone(to.sinks) {
				if !to.takes(s) || !from.takes(back) {
					continue
				}
				there := to.remove(back)
				with, _ := to.with(s)
				without, _ := from.with(back)
				if with < most && without < most {
					all = append(all, move{s, back, from, to, max(with, without)})
				}
				to.putBack(back, there)
			}
			from.putBack(s, at)
		}
	}
	return all
}

// mostMoves bounds how often an arrangement is made better, and mostLooked how many moves are looked
// at for that.
const (
	mostMoves  = 300
	mostLooked = 200_000
)

// improve moves sinks while the runner that takes longest gets faster by the lower bounds.
func (a *arrangement) improve() {
	looked := 0
	for range mostMoves {
		worst, most := a.worst((*bin).least)
		all := a.moves(worst, most)
		if looked += len(worst.sinks) * len(a.bins); len(all) == 0 || looked > mostLooked {
			return
		}
		slices.MinFunc(all, better).do()
	}
}

// simulatedMoves is how many moves are simulated before an arrangement is left as it is.
const simulatedMoves = 8

// refine moves sinks while the runner that takes longest gets faster in simulation.
func (p *divider) refine(a *arrangement) {
	for range mostMoves {
		worst, most := a.worst((*bin).time)
		faster, all := false, a.moves(worst, most)
		slices.SortStableFunc(all, better)
		for _, m := range all[:min(len(all), simulatedMoves)] {
			if p.left <= 0 {
				return
			}
			m.do()
			if faster = max(m.from.time(), m.to.time()) < most; faster {
				break
			}
			m.undo()
		}
		if !faster {
			return
		}
	}
}

// trial is what the arrangement comes to.
func (a *arrangement) trial() (t Trial) {
	for _, b := range a.bins {
		if len(b.sinks) == 0 {
			continue
		}
		takes := a.Setup + b.time()
		t.Shards, t.Wall, t.Machines = t.Shards+1, max(t.Wall, takes), t.Machines+takes
	}
	return t
}

// shards are the parts of the runners that have any.
func (a *arrangement) shards() (all []Shard) {
	bins := slices.DeleteFunc(slices.Clone(a.bins), func(b *bin) bool { return len(b.sinks) == 0 })
	first := func(b *bin) int { return slices.Min(b.sinks) }
	slices.SortFunc(bins, func(x, y *bin) int {
		if x.larger != y.larger {
			if x.larger {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(y.time(), x.time()), cmp.Compare(first(x), first(y)))
	})
	owned := new(big.Int)
	for _, b := range bins {
		set := b.tasks()
		run := b.simulate(b.larger, set)
		s := Shard{Runner: b.runner(b.larger), Tasks: []string{}, Also: []string{}, Time: run.Wall, Peak: run.Peak}
		for i := range members(set) {
			t := a.Tasks[i]
			if t.Known || owned.Bit(i) > 0 {
				s.Also = append(s.Also, t.ID)
			} else {
				s.Tasks = append(s.Tasks, t.ID)
				owned.SetBit(owned, i, 1)
			}
		}
		all = append(all, s)
	}
	return all
}
