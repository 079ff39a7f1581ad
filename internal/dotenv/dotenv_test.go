package dotenv

import (
	"slices"
	"strings"
	"testing"
)

// The values are those that yarn 4.12 was seen to set.
const sample = "A=plain # a comment\n# B=none\nexport C = \" x \\n y\" # more\nD='it\\n'\r\nE=`a \"b\" 'c'`\nF=\n\nG: yaml\nH=a#b\n" +
	"I=\"two\nlines\"\nJ\nK.L-M=\"open\nA=again\n=none\n"

func TestParseAsDotenvDoes(t *testing.T) {
	want := []Entry{{"A", "plain"}, {"C", " x \n y"}, {"D", `it\n`}, {"E", `a "b" 'c'`}, {"F", ""}, {"G", "yaml"}, {"H", "a"},
		{"I", "two\nlines"}, {"K.L-M", "\"open"}, {"A", "again"}}
	if got := Parse([]byte(sample)); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte("A=\""))
	f.Add([]byte("A='\nB=`"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, e := range Parse(text) {
			if e.Name == "" || strings.ContainsAny(e.Name, "= \n") {
				t.Errorf("a name is %q", e.Name)
			}
		}
	})
}
