// Package nodeoptions reads options for Node as Node does, and composes them so that
// heapmage's hold beside the user's. It finds what the text of a script does itself about them.
package nodeoptions

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/v8heap"
)

// split splits the value of NODE_OPTIONS as Node does: at spaces
// outside of double quotes; inside of them a backslash escapes the next character
// (node.cc, ParseNodeOptionsEnvVar).
func split(text string) ([]string, error) {
	var options []string
	var word strings.Builder
	open, quoted := false, false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && quoted:
			if i++; i == len(text) {
				return nil, errors.New("it ends in a backslash")
			}
			word.WriteByte(text[i])
		case c == ' ' && !quoted:
			if open {
				options = append(options, word.String())
			}
			word.Reset()
			open = false
			continue
		case c == '"':
			quoted = !quoted
		default:
			word.WriteByte(c)
		}
		open = true
	}
	if quoted {
		return nil, errors.New("a quote is not closed")
	}
	if open {
		options = append(options, word.String())
	}
	return options, nil
}

// join is the inverse of split.
func join(options []string) string {
	words := make([]string, len(options))
	for i, o := range options {
		if words[i] = o; o == "" || strings.ContainsAny(o, ` "\`) {
			words[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(o) + `"`
		}
	}
	return strings.Join(words, " ")
}

// The flags that bound V8's heap, as V8 and Node spell them. The percentage goes before the
// old space's own, wherever they stand, and that before the one of the whole heap.
const (
	oldSpace        = "--max-old-space-size"
	oldSpacePercent = "--max-old-space-size-percentage"
	wholeHeap       = "--max-heap-size"
)

func boundsHeap(name string) bool {
	return name == oldSpace || name == oldSpacePercent || name == wholeHeap
}

// flagName splits an option into its name, with dashes for underscores, and its
// value.
func flagName(option string) (name, value string, hasValue bool) {
	name, value, hasValue = strings.Cut(option, "=")
	if strings.HasPrefix(name, "--") {
		name = strings.ReplaceAll(name, "_", "-")
	}
	return name, value, hasValue
}

// heapLimitOf finds the heap limit among options, zero if there is none. The last flag of a
// kind counts, as in V8. total is the memory that a percentage is of. The error is about a
// value that Node refuses. A value that is the next word, and a line end that an env file
// left, count although Node refuses them too: what is meant is plain.
func heapLimitOf(options []string, total memtools.Bytes) (limit memtools.Bytes, err error) {
	limits := map[string]memtools.Bytes{}
	for i, o := range options {
		name, value, hasValue := flagName(o)
		if !boundsHeap(name) {
			continue
		}
		if !hasValue && i+1 < len(options) {
			value = options[i+1]
		}
		value = strings.TrimSpace(value)
		n, percentErr := strconv.ParseFloat(value, 64)
		switch {
		case name == oldSpacePercent && (percentErr != nil || !(n > 0 && n <= 100)):
			return 0, fmt.Errorf("%s is not a share of the memory, such as %s=50", strconv.Quote(o), name)
		case name == oldSpacePercent:
			limits[name] = memtools.Bytes(float64(total) * n / 100)
		case !hasValue && value == "" || !megabyteValue.MatchString(value):
			return 0, fmt.Errorf("%s is not a number of megabytes, such as %s=4096", strconv.Quote(o), name)
		default:
			limits[name] = memtools.Bytes(min(n, math.MaxInt32)) * memtools.MB
		}
	}
	return cmp.Or(limits[oldSpacePercent], limits[oldSpace], limits[wholeHeap]), nil
}

var megabyteValue = regexp.MustCompile(`^\+?\d*$`)

// withoutHeapLimit returns options without any old-space limit.
func withoutHeapLimit(options []string) []string {
	var kept []string
	for i := 0; i < len(options); i++ {
		name, _, hasValue := flagName(options[i])
		if !boundsHeap(name) {
			kept = append(kept, options[i])
			continue
		}
		if !hasValue && i+1 < len(options) && !strings.HasPrefix(options[i+1], "-") {
			i++ // its value is the next word
		}
	}
	return kept
}

// HeapFlag is the option for an old-space limit.
func HeapFlag(limit memtools.Bytes) string {
	return oldSpace + "=" + Megabytes(limit)
}

// Megabytes is a limit as V8 takes it.
func Megabytes(limit memtools.Bytes) string {
	return strconv.FormatInt(int64(max(1, limit/memtools.MB)), 10)
}

// Add returns env with options in front of its NODE_OPTIONS, where no word of
// the user can stop them. The error is about a NODE_OPTIONS that Node itself would refuse.
func Add(env []string, options ...string) ([]string, error) {
	have, err := split(environ.Value(env, environ.NodeOptions))
	if err != nil {
		return nil, fmt.Errorf("NODE_OPTIONS cannot be read: %w", err)
	}
	have = slices.DeleteFunc(have, v8heap.IsPreload) // of an outer heapmage
	return append(environ.Without(env, environ.NodeOptions), environ.NodeOptions+"="+join(append(slices.Clone(options), have...))), nil
}
