package script

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/memtools"
)

// splitNodeOptions splits the value of NODE_OPTIONS as Node does: at spaces
// outside of double quotes; inside of them a backslash escapes the next character
// (node.cc, ParseNodeOptionsEnvVar).
func splitNodeOptions(text string) ([]string, error) {
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

// joinNodeOptions is the inverse of splitNodeOptions.
func joinNodeOptions(options []string) string {
	words := make([]string, len(options))
	for i, o := range options {
		if words[i] = o; o == "" || strings.ContainsAny(o, ` "\`) {
			words[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(o) + `"`
		}
	}
	return strings.Join(words, " ")
}

// heapFlags are the flags that bound V8's old space, as V8 and Node spell them.
const (
	oldSpace        = "--max-old-space-size"
	oldSpacePercent = "--max-old-space-size-percentage"
)

// flagName splits an option into its name, with dashes for underscores, and its
// value.
func flagName(option string) (name, value string, hasValue bool) {
	name, value, hasValue = strings.Cut(option, "=")
	if strings.HasPrefix(name, "--") {
		name = strings.ReplaceAll(name, "_", "-")
	}
	return name, value, hasValue
}

// heapLimitOf finds the old-space limit among options. The last one counts, as in
// V8. total is the memory that a percentage is of.
func heapLimitOf(options []string, total memtools.Bytes) (limit memtools.Bytes, found bool) {
	for i, o := range options {
		name, value, hasValue := flagName(o)
		if name != oldSpace && name != oldSpacePercent {
			continue
		}
		if !hasValue && i+1 < len(options) {
			value = options[i+1]
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil || !(n > 0) || n > math.MaxInt32 {
			continue
		}
		if name == oldSpace {
			limit, found = memtools.Bytes(n)*memtools.MB, true
		} else {
			limit, found = memtools.Bytes(float64(total)*min(n, 100)/100), true
		}
	}
	return limit, found
}

// withHeapLimit returns options with limit instead of any other old-space limit.
func withHeapLimit(options []string, limit memtools.Bytes) []string {
	var kept []string
	for i := 0; i < len(options); i++ {
		name, _, hasValue := flagName(options[i])
		if name == oldSpace || name == oldSpacePercent {
			if !hasValue {
				i++ // its value is the next word
			}
			continue
		}
		kept = append(kept, options[i])
	}
	return append(kept, fmt.Sprintf("%s=%d", oldSpace, max(1, limit/memtools.MB)))
}

// WithNodeOptions returns env with options added to its NODE_OPTIONS. The error is
// about a NODE_OPTIONS that Node itself would refuse.
func WithNodeOptions(env []string, options ...string) ([]string, error) {
	have, err := splitNodeOptions(environ.Value(env, environ.NodeOptions))
	if err != nil {
		return nil, fmt.Errorf("NODE_OPTIONS cannot be read: %w", err)
	}
	return append(environ.Without(env, environ.NodeOptions), environ.NodeOptions+"="+joinNodeOptions(append(have, options...))), nil
}
