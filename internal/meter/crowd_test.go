package meter

import (
	"testing"

	"github.com/heapmage/heapmage/memtools"
)

func TestCrowd(t *testing.T) {
	tree := func(sizes ...memtools.Bytes) memtools.Tree {
		var tree memtools.Tree
		for _, size := range sizes {
			tree.Processes = append(tree.Processes, memtools.Process{Usage: size})
			tree.Usage += size
		}
		return tree
	}
	m := &Meter{crowds: map[string]crowd{}}
	m.count("pool", tree(5, 100))
	m.count("pool", tree(5, 60, 100, 90, 49, 50))
	m.count("pool", tree(5, 10))
	m.count("one", tree(1, 1, 100))
	if got := m.Crowd("pool"); got != 4 {
		t.Errorf("a pool of four has %d", got)
	}
	if got := m.Crowd("one"); got != 1 {
		t.Errorf("a single process has %d", got)
	}
	if got := m.Crowd("pool"); got != 0 {
		t.Errorf("it still has %d", got)
	}
}
