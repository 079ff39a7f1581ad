package nodeoptions

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

func TestTheDeadWordIsNamed(t *testing.T) {
	for _, tt := range []struct {
		claim, options, file string
		word, source         string
	}{
		{"options are none", "--a --b=c -C x --title two", "", "", ""},
		{"a program's name is one", "node --a", "", "node", "NODE_OPTIONS"},
		{"so is a second value", "--title one two", "", "two", "NODE_OPTIONS"},
		{"and one behind an option that takes none", "--no-warnings true", "", "true", "NODE_OPTIONS"},
		{"and a lone dash", "-", "", "-", "NODE_OPTIONS"},
		{"an empty one is passed over", `"" --a`, "", "", ""},
		{"and a tab of a YAML block", "\t--a", "", "\t--a", "NODE_OPTIONS"},
		{"and a variable that is not set", "", "${NOT_SET} --a", "${NOT_SET}", ".npmrc"},
		{"the first one counts", "one two", "three", "one", "NODE_OPTIONS"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			u, err := Merge(0, Text{"NODE_OPTIONS", tt.options}, Text{".npmrc", tt.file})
			if err != nil || u.DeadWord != tt.word || u.DeadFrom != tt.source {
				t.Errorf("%q of %q, %v", u.DeadWord, u.DeadFrom, err)
			}
		})
	}
}

// What we call dead is what Node does not read.
func TestNodeStopsWhereWeSay(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		testkit.UnlessCI(t, err.Error())
	}
	for _, text := range []string{"x", "-", `""`, "--no-warnings true", "--title a", "--title a b", "-C x", "--unhandled-rejections warn", "\t--no-warnings", "'--no-warnings'"} {
		t.Run(text, func(t *testing.T) {
			words, err := split(text + " --stack-trace-limit=7")
			if err != nil {
				t.Fatal(err)
			}
			c := exec.Command(node, "-p", "Error.stackTraceLimit")
			c.Env = append(os.Environ(), "NODE_OPTIONS="+join(words))
			out, err := c.CombinedOutput()
			if err != nil {
				t.Fatal(err, string(out))
			}
			if _, dead := live(words); (len(dead) == 0) != (strings.TrimSpace(string(out)) == "7") {
				t.Errorf("dead are %q, but Node gave %s", dead, out)
			}
		})
	}
}
