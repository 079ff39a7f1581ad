package nodeoptions

import (
	"cmp"
	"slices"

	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/v8heap"
)

// User are the options that the user set for every Node process, merged from all
// places that count.
type User struct {
	Words []string // without heap limits: what Node reads, then what it does not
	// Limit is the old-space limit, zero if there is none, and LimitFrom where it is set.
	Limit     memtools.Bytes
	LimitFrom string
	// DeadWord is the first word behind which Node reads nothing, and DeadFrom where it
	// stands; empty if there is none.
	DeadWord, DeadFrom string
}

// Text is a value of NODE_OPTIONS, or of the setting of a package manager that
// replaces it, and the variable or the file that has it.
type Text struct{ From, Value string }

// Merge merges texts; the heap limit of a later one counts. total is the memory that
// a limit in percent is of. The error is a *problem.Error.
func Merge(total memtools.Bytes, texts ...Text) (u User, err error) {
	var dead []string
	for _, t := range texts {
		words, err := split(t.Value)
		if err != nil {
			return u, &problem.Error{Where: t.From, What: "its options for Node cannot be read", Cause: err, Hint: "node itself refuses them: fix the quotes"}
		}
		rest, err := u.take(t.From, words, total)
		if err != nil {
			return u, &problem.Error{Where: t.From, What: err.Error(), Hint: "node itself refuses it: correct the value"}
		}
		dead = append(dead, rest...)
	}
	u.Words = append(u.Words, dead...)
	return u, nil
}

// take takes over what Node reads of the options of one place, and returns the rest.
func (u *User) take(from string, options []string, total memtools.Bytes) (dead []string, err error) {
	read, dead := live(slices.DeleteFunc(options, v8heap.IsPreload)) // of an outer heapmage: ours takes its place
	limit, err := heapLimitOf(read, total)
	if err != nil {
		return nil, err
	}
	if limit > 0 {
		u.Limit, u.LimitFrom = limit, from
	}
	if len(dead) > 0 && u.DeadFrom == "" {
		u.DeadWord, u.DeadFrom = dead[0], from
	}
	u.Words = append(u.Words, withoutHeapLimit(read)...)
	return withoutHeapLimit(dead), nil
}

// With returns the options for a Node process: ours first, where no word of the user
// can stop them, with the one heap limit. A limit of zero is the user's.
func (u User) With(ours []string, limit memtools.Bytes) []string {
	limit = cmp.Or(limit, u.Limit)
	var all []string
	if limit > 0 {
		all = append(all, HeapFlag(limit))
	}
	return slices.Concat(all, ours, u.Words)
}

// Text is what With returns, as the value of NODE_OPTIONS.
func (u User) Text(ours []string, limit memtools.Bytes) string { return join(u.With(ours, limit)) }
