package nodeoptions

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/heapmage/heapmage/internal/testkit"
	"github.com/heapmage/heapmage/memtools"
)

func TestSplit(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []string
		fail bool
	}{
		{"", nil, false},
		{"--a  --b=1 ", []string{"--a", "--b=1"}, false},
		{`--require="/a b/c.js"`, []string{"--require=/a b/c.js"}, false},
		{`"--title=a \"b\" \\c"`, []string{`--title=a "b" \c`}, false},
		{`--a\b`, []string{`--a\b`}, false},
		{`""`, []string{""}, false},
		{`--a="b`, nil, true},
		{`"--a\`, nil, true},
	} {
		t.Run(tt.text, func(t *testing.T) {
			got, err := split(tt.text)
			if !slices.Equal(got, tt.want) || (err != nil) != tt.fail {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestJoinedOptionsSplitIntoTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		options := rapid.SliceOf(rapid.StringMatching(`[a-z "\\=/'-]*`)).Draw(t, "options")
		got, err := split(join(options))
		if err != nil || !slices.Equal(got, options) {
			t.Fatalf("%q became %q, %v", options, got, err)
		}
	})
}

func TestNodeSplitsAsWeDo(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		testkit.UnlessCI(t, err.Error())
	}
	for _, title := range []string{"plain", "two words", `a "quoted" word`, `back\slash`, `both \" of them`} {
		t.Run(title, func(t *testing.T) {
			c := exec.Command(node, "-p", "process.title")
			c.Env = append(os.Environ(), "NODE_OPTIONS="+join([]string{"--no-warnings", "--title=" + title}))
			out, err := c.CombinedOutput()
			if got := strings.TrimSuffix(string(out), "\n"); err != nil || got != title {
				t.Errorf("node read %q, %v", got, err)
			}
		})
	}
}

// The values are those that Node 24 was seen to take and to refuse.
func TestHeapLimitOf(t *testing.T) {
	const refused = -1
	for _, tt := range []struct {
		options []string
		want    memtools.Bytes
	}{
		{nil, 0},
		{[]string{"--expose-gc"}, 0},
		{[]string{"--max-old-space-size=4096"}, 4 * memtools.GB},
		{[]string{"--max_old_space_size=4096"}, 4 * memtools.GB},
		{[]string{"--max-old_space-size", "4096"}, 4 * memtools.GB},
		{[]string{"--max-old-space-size=+4096"}, 4 * memtools.GB},
		{[]string{"--max-old-space-size=4096\r\n"}, 4 * memtools.GB},
		{[]string{"--max-old-space-size=1024", "--max_old_space_size=2048"}, 2 * memtools.GB},
		{[]string{"--max-old-space-size=1024", "--max-old-space-size=0"}, 0},
		{[]string{"--max-old-space-size=9999999999999"}, 2147483647 * memtools.MB},
		{[]string{"--max-old-space-size-percentage=25"}, 4 * memtools.GB},
		{[]string{"--max-old-space-size-percentage", "12.5"}, 2 * memtools.GB},
		{[]string{"--max_old_space_size_percentage=25", "--max-old-space-size=1"}, 4 * memtools.GB},
		{[]string{"--max-old-space-size=1024", "--max-heap-size=2048"}, memtools.GB},
		{[]string{"--max-heap-size=2048"}, 2 * memtools.GB},
		{[]string{"--max-old-space-size=0"}, 0},
		{[]string{"--max-old-space-size="}, 0},
		{[]string{"--title=--max-old-space-size=1"}, 0},
		{[]string{"--max-old-space-size=lots"}, refused},
		{[]string{"--max-old-space-size=4gb"}, refused},
		{[]string{"--max-old-space-size=4096m"}, refused},
		{[]string{"--max-old-space-size=4096.5"}, refused},
		{[]string{"--max-old-space-size=1e3"}, refused},
		{[]string{"--max-old-space-size=-5"}, refused},
		{[]string{"--max-old-space-size=${HEAP}"}, refused},
		{[]string{"--max-old-space-size"}, refused},
		{[]string{"--max-old-space-size", "--no-warnings"}, refused},
		{[]string{"--max-old-space-size-percentage=150"}, refused},
		{[]string{"--max-old-space-size-percentage=0"}, refused},
		{[]string{"--max-old-space-size-percentage=50%"}, refused},
		{[]string{"--max-old-space-size-percentage=NaN"}, refused},
	} {
		t.Run(strings.Join(tt.options, " "), func(t *testing.T) {
			got, err := heapLimitOf(tt.options, 16*memtools.GB)
			if (err != nil) != (tt.want == refused) || err == nil && got != tt.want {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestWithoutHeapLimitTakesEveryOneAway(t *testing.T) {
	got := withoutHeapLimit([]string{"--a", "--max_old_space_size=1", "--max-old-space-size", "2", "--max-old-space-size-percentage=3", "--max-old-space-size", "--b", "--max-old-space-size"})
	if want := []string{"--a", "--b"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestOursStandFirst(t *testing.T) {
	for _, tt := range []struct {
		claim string
		value string
		want  string
	}{
		{"before the user's", "--trace-uncaught", "--ours --trace-uncaught"},
		{"before a word that is no option", "node --trace-uncaught", "--ours node --trace-uncaught"},
		{"alone", "", "--ours"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			got, err := Add([]string{"NODE_OPTIONS=" + tt.value}, "--ours")
			if err != nil || !slices.Equal(got, []string{"NODE_OPTIONS=" + tt.want}) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func FuzzSplit(f *testing.F) {
	f.Add(`--require="a b" --max-old-space-size=1`)
	f.Add(`"\`)
	f.Fuzz(func(t *testing.T, text string) {
		options, err := split(text)
		if err != nil {
			return
		}
		again, err := split(join(options))
		if err != nil || !slices.Equal(again, options) {
			t.Errorf("%q: %q became %q, %v", text, options, again, err)
		}
	})
}
