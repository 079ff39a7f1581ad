package commandline

import (
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/script"
)

func TestTranslate(t *testing.T) {
	for _, tt := range []struct{ claim, given, want string }{
		{"a target stays", "build", "build"},
		{"with its flags", "build:managed -workspace=core -nodeps", "build:managed -workspace=core -nodeps"},
		{"two dashes are one", "build --workspace=--core --nodeps", "build -workspace=--core -nodeps"},
		{"Mage's flags come first", "-v -t 10m build", "-t=10m0s -v=true build"},
		{"also with two dashes", "--v --t=90s -- build", "-t=1m30s -v=true build"},
		{"several targets", "build test -fix", "build test -fix"},
		{"guard is a target", "guard -- turbo run build", "memory:guard -command=turbo run build"},
		{"its flags stay", "-v guard --retry=lint -x -- turbo -v --help", "-v=true memory:guard -retry=lint -x -command=turbo -v --help"},
		{"it needs no dashes, which npm exec drops", "guard -x turbo -- --filter=web", "memory:guard -x -command=turbo -- --filter=web"},
		{"a command that begins with a dash", "guard -- -x", "memory:guard -command=-x"},
		{"a given text stays", "guard -command=turbo", "memory:guard -command=turbo"},
		{"its full name does the same", "memory:guard -- turbo", "memory:guard -command=turbo"},
		{"what a target needs is its own business", "guard", "memory:guard"},
		{"help for a target", "help build", "-h build"},
		{"by a flag before", "-h build", "-h build"},
		{"by a flag behind", "build test -fix --help", "-h test"},
		{"help for guard", "help guard", "-h memory:guard"},
		{"by a flag of guard's", "guard -h", "-h memory:guard"},
		{"a list", "-l", "-l=true"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			words, text, err := translate(strings.Fields(tt.given))
			if got := strings.Join(words, " "); got != tt.want || text != "" || err != nil {
				t.Errorf("got %q, %q, %v; want %q", got, text, err, tt.want)
			}
		})
	}
}

func TestTexts(t *testing.T) {
	for _, given := range []string{"", "help", "-h", "--help"} {
		words, text, err := translate(strings.Fields(given))
		if !slices.Equal(words, []string{"-l"}) || !strings.Contains(text, "heapmage guard") || err != nil {
			t.Errorf("%q: %q, %q, %v", given, words, text, err)
		}
	}
	for _, given := range []string{"version", "--version", "-version", "-v"} {
		words, text, err := translate(strings.Fields(given))
		if words != nil || !strings.HasPrefix(text, "heapmage ") || err != nil {
			t.Errorf("%q: %q, %q, %v", given, words, text, err)
		}
	}
}

func TestMistakes(t *testing.T) {
	for given, want := range map[string]string{
		"--foo build":             "not defined: -foo",
		"-t soon build":           `invalid value "soon"`,
		"-v=maybe build":          `invalid boolean value "maybe"`,
		"guard --":                "no command follows",
		"guard -command=a -- b":   "there are two commands",
		"guard -x -command=a b c": "there are two commands",
	} {
		words, text, err := translate(strings.Fields(given))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "💡") || words != nil || text != "" {
			t.Errorf("%q: %q, %q, %v; want %q", given, words, text, err, want)
		}
	}
}

// The system's shell must read the text that guard's words become as the same words.
func TestTheShellGetsTheSameWords(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no printf")
	}
	words := []string{
		"", " ", "plain", "two words", "it's", `say "hi"`, `"`, `'`, `''`, `back\slash`, `\`, `\\`, `end\`, "$HOME", "${X:-y}", "$(id)", "`id`",
		"line\nend", "\n", "\ttab\r", "*", "?[a]", "~", "#no", "a;b", "a&b|c>d<e", "!", "{a,b}", "a=b", "-n", "--", "%s", "日本語", "🧙‍♀️", "\xff\xfe",
	}
	got, _, err := translate(append([]string{"guard", "--", "printf", `%s\0`}, words...))
	if err != nil {
		t.Fatal(err)
	}
	text, found := strings.CutPrefix(got[1], "-command=")
	if !found || len(got) != 2 {
		t.Fatalf("%q", got)
	}
	line := script.Shell(text)
	out, err := exec.Command(line[0], line[1:]...).Output()
	if err != nil {
		t.Fatal(err)
	}
	if read := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"); !slices.Equal(read, words) {
		t.Errorf("got  %q\nwant %q", read, words)
	}
}
