package inputs

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/heapmage/heapmage/internal/cache"
	"github.com/heapmage/heapmage/internal/fingerprint"
)

// all has each aspect once, in order.
var all = []Known{
	New(Content, "src/a b.ts", "content 00"),
	New(Installed, "node_modules/x", "1.0.0"),
	New(Names, ".", "names 01"),
	New(Presence, "tsconfig.json", fingerprint.Absent),
	New(Program, "node", "of the system"),
	New(Target, "src/l", "link 02"),
	New(Variable, "CI", VariableState("true", true)),
}

// anyInput draws one. Some paths are of several aspects.
func anyInput(t *rapid.T) Known {
	aspect := rapid.SampledFrom(all).Draw(t, "aspect").Aspect
	path := rapid.OneOf(rapid.SampledFrom([]string{"", ".", "a", "a b", " a", "content a", "/usr/bin/x"}), rapid.String()).Draw(t, "path")
	state := rapid.OneOf(rapid.SampledFrom([]string{"", "absent", "content a"}), rapid.String()).Draw(t, "state")
	return New(aspect, path, fingerprint.State(state))
}

func inputsOf(known []Known) (set []Input) {
	for _, in := range known {
		set = append(set, in.Input)
	}
	return set
}

// What is kept on disks and in shared caches has these keys. If this fails because a key means something
// else now, change Format, and then what is wanted here.
func TestFormat(t *testing.T) {
	weak := Weak("core#build", map[string]string{"its script": "tsc -p .", "Node's version": "v24.1.0"})
	set, err := json.Marshal(Texts(all))
	if err != nil {
		t.Fatal(err)
	}
	one, err := json.Marshal(all[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ what, got, want string }{
		{"the format", Format, "2"},
		{"the weak key", weak.String(), "c41c2530d6dd5a842a7f6e5ccf15a96fb3109a6e4f90000f6ef7af8d4d391f37"},
		{"the strong key", Strong(weak, all).String(), "662114c68b26e3cc34b444a945fad76cea2943ca2d517a04a9d071cbbf8aaff9"},
		{"the set", string(set), `["content src/a b.ts","installed node_modules/x","names .","presence tsconfig.json","program node","target src/l","variable CI"]`},
		{"an input with its state", string(one), `{"aspect":"content","path":"src/a b.ts","state":"content 00"}`},
		{"the state of a variable", string(VariableState("true", true)), "value 32aee71b40ce9aa7222223e11b7cc0e13b9c632e094884f8540df88154df7b65"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s is %s, want %s", tt.what, tt.got, tt.want)
		}
	}
}

func TestSort(t *testing.T) {
	mixed := slices.Clone(all)
	rand.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	if Sort(mixed); !slices.Equal(mixed, all) {
		t.Errorf("%v", mixed)
	}
	// Who looks at the files of a set looks at the content first, and finds the path again by its order.
	one := []Known{New(Presence, "a/b", "1"), New(Content, "b", "2"), New(Content, "a/b", "3"), New(Content, "a b", "4"), New(Content, "a", "5")}
	Sort(one)
	if got, want := strings.Join(Texts(one), ", "), "content a, content a b, content a/b, content b, presence a/b"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Equal sets are equal texts and have one key, in whatever order they were met.
func TestEqualSets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// A path is met once in each respect.
		known := rapid.SliceOfDistinct(rapid.Custom(anyInput), func(in Known) Input { return in.Input }).Draw(t, "inputs")
		other := rapid.Permutation(known).Draw(t, "other")
		Sort(known)
		Sort(other)
		if !slices.Equal(Texts(known), Texts(other)) || Strong(cache.Key{1}, known) != Strong(cache.Key{1}, other) {
			t.Errorf("%q, %q", known, other)
		}
	})
}

// Of each input there is one text, from which it can be had again.
func TestTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		known := rapid.SliceOfN(rapid.Custom(anyInput), 1, -1).Draw(t, "inputs")
		texts := Texts(known)
		if got := FromTexts(texts); !slices.Equal(got, inputsOf(known)) {
			t.Errorf("%q became %q", known, got)
		}
		set, err := json.Marshal(texts)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Parse(set); err != nil || !slices.Equal(got, inputsOf(known)) {
			t.Errorf("%q became %q: %v", known, got, err)
		}
		for i, a := range known {
			for j, b := range known {
				if (texts[i] == texts[j]) != (a.Input == b.Input) {
					t.Errorf("%q and %q are %q and %q", a, b, texts[i], texts[j])
				}
			}
		}
	})
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "{}", `["content a"`, `[1]`, `"content a"`, `[["content a"]]`} {
		if set, err := Parse(json.RawMessage(text)); err == nil {
			t.Errorf("%s became %q", text, set)
		}
	}
	for _, text := range []string{"[]", "null"} {
		if set, err := Parse(json.RawMessage(text)); err != nil || len(set) > 0 {
			t.Errorf("%s became %q: %v", text, set, err)
		}
	}
}

// Whatever differs, if it is but one state, leads to another result.
func TestStrongDiffers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weak := cache.Key{rapid.Byte().Draw(t, "weak")}
		known := rapid.SliceOfN(rapid.Custom(anyInput), 1, -1).Draw(t, "inputs")
		at := rapid.IntRange(0, len(known)-1).Draw(t, "at")
		other := slices.Clone(known)
		switch rapid.SampledFrom([]string{"a state", "an input", "one less", "one more", "the weak key"}).Draw(t, "what") {
		case "a state":
			other[at].State = fingerprint.State(rapid.String().Filter(func(s string) bool { return s != string(known[at].State) }).Draw(t, "state"))
		case "an input":
			other[at].Input = rapid.Custom(anyInput).Filter(func(in Known) bool { return in.Input != known[at].Input }).Draw(t, "input").Input
		case "one less":
			other = slices.Delete(other, at, at+1)
		case "one more":
			other = slices.Insert(other, at, anyInput(t))
		case "the weak key":
			if Strong(weak, known) == Strong(cache.Key{weak[0], 1}, known) {
				t.Error("the weak key does not count")
			}
			return
		}
		if Strong(weak, known) == Strong(weak, other) {
			t.Errorf("%q and %q have one key", known, other)
		}
	})
}

func TestWeakDiffers(t *testing.T) {
	type parts = map[string]string
	keys := map[cache.Key]string{}
	for _, tt := range []struct {
		name, task string
		parts      parts
	}{
		{"nothing", "", nil},
		{"a task", "a", nil},
		{"a part", "a", parts{"b": "c"}},
		{"another task", "b", parts{"b": "c"}},
		{"another name", "a", parts{"c": "c"}},
		{"another text", "a", parts{"b": "d"}},
		{"an empty text", "a", parts{"b": ""}},
		{"text that went to the name", "a", parts{"bc": ""}},
		{"text that went to the task", "ab", parts{"": "c"}},
		{"two parts", "a", parts{"b": "c", "d": "e"}},
		{"their texts exchanged", "a", parts{"b": "e", "d": "c"}},
	} {
		key := Weak(tt.task, tt.parts)
		if other, ok := keys[key]; ok {
			t.Errorf("%s has the key of %s", tt.name, other)
		}
		keys[key] = tt.name
	}
	if Weak("a", nil) != Weak("a", parts{}) {
		t.Error("no parts have two keys")
	}
}

func TestVariableState(t *testing.T) {
	unset, empty, value := VariableState("", false), VariableState("", true), VariableState("s3cret", true)
	if unset != fingerprint.Absent || empty == unset || value == empty || value == VariableState("s3cret ", true) {
		t.Errorf("%s, %s, %s", unset, empty, value)
	}
	if strings.Contains(string(value), "s3cret") {
		t.Errorf("%s tells the value", value)
	}
}

func TestIsFile(t *testing.T) {
	var not []Aspect
	for _, in := range all {
		if !in.IsFile() {
			not = append(not, in.Aspect)
		}
	}
	if !slices.Equal(not, []Aspect{Installed, Program, Variable}) {
		t.Errorf("no files are %v", not)
	}
}
