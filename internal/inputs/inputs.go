// Package inputs has what the result of a task depends on, and the keys that are made of it. It looks at
// no file: what an input is now comes from the caller.
//
// A key has two steps, as in the direct mode of ccache. The weak key is of what is known before a task
// runs. It leads to the sets of inputs that earlier runs met, and what those are now gives the strong
// key, which leads to a result. Keys and sets are kept, and other machines have them as well: whatever
// changes here what one means must change Format.
package inputs

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/cache"
	"github.com/heapmage/heapmage/internal/fingerprint"
)

// Format changes whenever keys mean something else, or what is kept with them does.
const Format = "2"

// Aspect is the respect in which a path is an input. It has no space in it.
type Aspect string

// The aspects. A variable and a program have a name in place of a path.
const (
	Content   Aspect = "content"
	Presence  Aspect = "presence" // whether it is there, its type and its permissions
	Target    Aspect = "target"   // where a link leads
	Names     Aspect = "names"    // of what is in a folder
	Variable  Aspect = "variable"
	Installed Aspect = "installed" // of a package's folder in node_modules
	Program   Aspect = "program"   // that PATH leads to for a name
)

// Input is a path on which a result depends. It is relative to the workspace, with slashes, or
// absolute if it is outside.
type Input struct {
	Aspect Aspect `json:"aspect"`
	Path   string `json:"path"`
}

// IsFile reports whether the input is about a file of the workspace or outside of it, which
// a task may write.
func (in Input) IsFile() bool {
	return in.Aspect != Variable && in.Aspect != Installed && in.Aspect != Program
}

// Known is an input with its state when the task ran.
type Known struct {
	Input
	State fingerprint.State `json:"state"`
}

// New returns an input in a state.
func New(aspect Aspect, path string, state fingerprint.State) Known {
	return Known{Input{aspect, path}, state}
}

// VariableState is the state of an environment variable. Its value cannot be told from it.
func VariableState(value string, set bool) fingerprint.State {
	if !set {
		return fingerprint.Absent
	}
	return fingerprint.State("value " + fingerprint.Sum(value).String())
}

// Sort puts inputs in order, by their aspects and then by their paths, so that equal sets are equal
// texts and have one key.
func Sort(all []Known) {
	slices.SortFunc(all, func(a, b Known) int { return strings.Compare(a.text(), b.text()) })
}

// Weak returns the weak key of a task. parts are what its result depends on beside inputs, by name.
func Weak(task string, parts map[string]string) cache.Key {
	texts := []string{Format, task}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		texts = append(texts, name, parts[name])
	}
	return cache.Key(fingerprint.Sum(texts...))
}

// Strong returns the strong key of a task whose inputs are in these states. Their order counts.
func Strong(weak cache.Key, all []Known) cache.Key {
	return cache.Key(fingerprint.SumOf(func(yield func(string) bool) {
		if !yield(weak.String()) {
			return
		}
		for _, in := range all {
			if !yield(string(in.Aspect)) || !yield(in.Path) || !yield(string(in.State)) {
				return
			}
		}
	}))
}

// Texts returns a set of inputs as it is kept, without their states: for each a text of its aspect
// and its path, as texts are read the fastest.
func Texts(all []Known) []string {
	set := make([]string, len(all))
	for i, in := range all {
		set[i] = in.text()
	}
	return set
}

// FromTexts returns the inputs of which Texts made texts.
func FromTexts(texts []string) []Input {
	set := make([]Input, len(texts))
	for i, text := range texts {
		aspect, path, _ := strings.Cut(text, " ")
		set[i] = Input{Aspect(aspect), path}
	}
	return set
}

// Parse decodes a set of inputs: a JSON array of its texts.
func Parse(set json.RawMessage) ([]Input, error) {
	var texts []string
	if err := json.Unmarshal(set, &texts); err != nil {
		return nil, err
	}
	return FromTexts(texts), nil
}

func (in Input) text() string { return string(in.Aspect) + " " + in.Path }
