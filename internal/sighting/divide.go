package sighting

import "slices"

// admit leaves a process and all below it to the caller.
func (t *tree) admit(n *node) {
	if n.role == admitted {
		return
	}
	if n.role == inside {
		t.divide(n.parent)
	}
	t.lose(n, admitted)
}

// lose takes a process and all below it out of the units.
func (t *tree) lose(n *node, r role) {
	if n.role == leads {
		t.over(n, &t.found.Divided)
	}
	n.role = r
	t.check(n)
	for _, c := range t.nodes {
		if c.parent == n && c.role != r {
			t.lose(c, r)
		}
	}
}

// open has a process that was admitted hand out work, unless it is below one that is.
func (t *tree) open(n *node) {
	if n.parent != nil && n.parent.role == admitted {
		return
	}
	t.lose(n, pending)
	n.role = handsOut
}

// divide has a process inside of a unit, and all above it in the unit, hand out work. What else
// is inside of the unit is looked at anew.
func (t *tree) divide(n *node) {
	for {
		leads := n.role == leads
		if leads {
			t.over(n, &t.found.Divided)
		}
		n.role = handsOut
		t.release(n)
		if leads || n.parent == nil {
			return
		}
		n = n.parent
	}
}

// release has all that is inside of a unit, below a process that is no longer, be looked at anew.
func (t *tree) release(n *node) {
	for _, c := range t.nodes {
		if c.parent == n && c.role == inside {
			c.role = pending
			t.check(c) // it was not looked at for a while
			t.release(c)
		}
	}
}

// over tells that a unit is none any more, or does not tell of it at all if it began in this look.
func (t *tree) over(n *node, list *[]Unit) {
	if i := slices.Index(t.found.Began, n.unit); i >= 0 {
		t.found.Began = slices.Delete(t.found.Began, i, i+1)
		return
	}
	*list = append(*list, n.unit)
}
