package report

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/heapmage/heapmage/ci"
	"github.com/heapmage/heapmage/internal/cilog"
	"github.com/heapmage/heapmage/internal/diagnostics"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/tally"
	"github.com/heapmage/heapmage/memtools"
)

// onCI is what a run on a CI system prints that emits the given events.
func onCI(t *testing.T, system *cilog.Log, show Show, events ...any) string {
	t.Helper()
	var b strings.Builder
	c := NewConsole(t.Context(), &b, false, show)
	c.CI = system
	sink := tally.NewSink(c)
	for i, e := range events {
		switch e := e.(type) {
		case output:
			out, ear := c.Output("core", e.label), c.Listen(e.label, func(file string) string {
				if file == "/acme/gone.ts" {
					return ""
				}
				return "packages/core/" + file
			})
			for _, piece := range strings.SplitAfter(e.text, "a") {
				if _, err := io.WriteString(io.MultiWriter(ear, out), piece); err != nil {
					t.Fatal(err)
				}
			}
			closed(t, out)
			closed(t, ear)
		case event.Event:
			sink.Take(event.Stamped{Seq: i, Time: time.Unix(1700000000+int64(i), 0), Event: e})
		}
	}
	closed(t, c)
	return b.String()
}

// logOf is a log as a run keeps it, and its text.
func logOf(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "7", "logs", "core-build.log")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOutputIsInAGroup(t *testing.T) {
	good, bad := finished("core", "build", 1, succeeded(2, 3, logOf(t, "fine\n--- a"))), finished("web", "build", 1, event.TaskFinished{Status: event.Failed, Duration: time.Second, Reason: "exit code 1", Log: logOf(t, "bad")})
	const line = "✅ Building package: core completed in 2.00s\n💾 Memory: 1.00MB / 8192.00MB (0%), peak of core 3.00MB\n"
	const fail = "❌ Building package: web failed after 1.00s: exit code 1\n💾 Memory: 1.00MB / 8192.00MB (0%)\n"
	for _, tt := range []struct {
		system ci.System
		want   string
	}{
		{ci.None, line + "fine\n--- a\n\n" + fail + "bad\n\n"},
		{ci.GitHubActions, line + "::group::Output of core\nfine\n--- a\n::endgroup::\n\n" + fail + "::error title=web::exit code 1\nbad\n\n"},
		{ci.AzurePipelines, line + "##[group]Output of core\nfine\n--- a\n##[endgroup]\n\n" + fail + "##vso[task.logissue type=error]web: exit code 1\nbad\n\n"},
		{ci.GitLab, line + "section_start:1699999998:g7_core-build.log[collapsed=true]\r\x1b[0KOutput of core\nfine\n--- a\nsection_end:1700000000:g7_core-build.log\r\x1b[0K\n\n" +
			fail + "section_start:1700000000:g7_core-build.log\r\x1b[0KOutput of web\nbad\nsection_end:1700000001:g7_core-build.log\r\x1b[0K\n\n"},
		{ci.Buildkite, "--- core\n" + line + "fine\n --- a\n\n+++ web\n" + fail + "bad\n\n"},
		{ci.TeamCity, line + "##teamcity[blockOpened name='Output of core']\nfine\n--- a\n##teamcity[blockClosed name='Output of core']\n\n" + fail + "##teamcity[buildProblem description='web: exit code 1']\nbad\n\n"},
	} {
		for _, show := range []Show{Held, Grouped} {
			log := &cilog.Log{System: tt.system}
			if tt.system == ci.None {
				log = nil
			}
			if got := onCI(t, log, show, good, bad); got != tt.want {
				t.Errorf("%v: got\n%q\nwant\n%q", tt.system, got, tt.want)
			}
		}
	}
	t.Run("unless there is none, or it is not printed", func(t *testing.T) {
		empty := finished("core", "build", 1, succeeded(2, 3, logOf(t, "")))
		for _, show := range []Show{Held, Grouped, Errors, None, Live, Labelled} {
			got := onCI(t, &cilog.Log{System: ci.GitHubActions}, show, empty)
			if show > Grouped || show == Live {
				got += onCI(t, &cilog.Log{System: ci.GitHubActions}, show, good)
			}
			if strings.Contains(got, "::") {
				t.Errorf("%v: %s", show, got)
			}
		}
	})
	t.Run("on Buildkite the end of the run has a header too", func(t *testing.T) {
		if got := onCI(t, &cilog.Log{System: ci.Buildkite}, Held, event.RunFinished{Target: "build"}); !strings.HasPrefix(got, "+++ Build\n\n✅") {
			t.Error(got)
		}
	})
}

// TestScriptsSpeakToTheSystem: secrets are hidden, annotations are told with their places in the
// repository, and nothing else of a script is obeyed, however its output is printed.
func TestScriptsSpeakToTheSystem(t *testing.T) {
	const text = "::add-mask::pa%25ss\r\n ::error file=a.ts,line=3,col=7::no\n::group::x\n##[set-output name=a]b\n50 %\r::stop-commands::x\n" +
		"::warning file=/acme/gone.ts,line=2::careful\n::notice title=N::by the way\nlisten: ::1\n::debug::end"
	log := logOf(t, text)
	end := finished("core", "build", 1, event.TaskFinished{Status: event.Failed, Reason: "exit code 1", Log: log, Errors: []diagnostics.Finding{{Message: "not told as the script tells its own"}}})
	told := "::error title=core,file=sub/packages/core/a.ts,line=3,col=7::no\n" +
		"::warning title=core::/acme/gone.ts: careful\n::notice title=core%3A N::by the way\n"
	shown := `\x3a\x3aadd-mask::pa%25ss` + "\r\n" + ` \x3a\x3aerror file=a.ts,line=3,col=7::no` + "\n" + `\x3a\x3agroup::x` + "\n" + `##\x5bset-output name=a]b` + "\n50 %\r" + `\x3a\x3astop-commands::x` + "\n" +
		`\x3a\x3awarning file=/acme/gone.ts,line=2::careful` + "\n" + `\x3a\x3anotice title=N::by the way` + "\nlisten: ::1\n" + `\x3a\x3adebug::end` + "\n"
	head := "❌ Building package: core failed after 0.00s: exit code 1\n💾 Memory: 1.00MB / 8192.00MB (0%)\n"
	labelled := "core: " + strings.ReplaceAll(strings.TrimSuffix(strings.NewReplacer("\r\n", "\n", "\r", "\n", `\x3a\x3a`, "::").Replace(shown), "\n"), "\n", "\ncore: ") + "\n"
	const mask = "::add-mask::pa%25ss\n"
	for show, want := range map[Show]string{
		Held: mask + head + told + shown, Grouped: mask + head + told + shown, Errors: mask + head + told + shown, None: mask + head + told,
		Live: mask + shown + head + told, Labelled: mask + labelled + head + told,
	} {
		if got := onCI(t, &cilog.Log{System: ci.GitHubActions, Folder: "sub"}, show, output{log, text}, end); got != want+"\n" {
			t.Errorf("%v: got\n%q\nwant\n%q", show, got, want+"\n")
		}
	}
	t.Run("nor does it count behind a label or a bar, or in a name", func(t *testing.T) {
		const text = "a unfold:start:x time:end:y\n"
		end := finished("fold:end:z", "build", 1, event.TaskFinished{Status: event.Failed, Reason: "time:start:z", Excerpt: []string{text[:len(text)-1]}})
		for _, show := range []Show{Held, Live, Labelled} {
			got := onCI(t, &cilog.Log{System: ci.Travis}, show, output{logOf(t, text), text}, end, event.RunFinished{ExitCode: 1, Failed: 1})
			if strings.Contains(got, "fold:") || strings.Contains(got, "time:") || !strings.Contains(got, `   │ a unfold\x3astart:x time\x3aend:y`) {
				t.Error(got)
			}
		}
	})
	t.Run("not before an attempt that another follows", func(t *testing.T) {
		again := end
		again.Retry = true
		if got := onCI(t, &cilog.Log{System: ci.GitHubActions}, None, output{log, text}, again); strings.Contains(got, "::error") {
			t.Error(got)
		}
	})
	t.Run("where the system has no such commands all is text", func(t *testing.T) {
		for _, system := range []*cilog.Log{nil, {System: ci.GitLab}} {
			if got := onCI(t, system, Live, output{log, text}); got != text && got != text+"\n" {
				t.Errorf("%q", got)
			}
		}
	})
}

// TestAnnotationsShareTheRoom: the first ten count, so the task that fails first leaves some to
// the others, and what is left at the end is not wasted.
func TestAnnotationsShareTheRoom(t *testing.T) {
	many := func(name string, n, more int) event.TaskFinished {
		f := failed(name, "build", event.TaskFinished{Status: event.Failed, MoreErrors: more})
		for i := range n {
			f.Errors = append(f.Errors, diagnostics.Finding{File: "a.ts", Line: i + 1, Message: name})
		}
		return f
	}
	count := func(text string) string {
		var all []string
		for _, name := range []string{"core", "web", "cli"} {
			all = append(all, fmt.Sprint(strings.Count(text, "::error title="+name+",")))
		}
		return strings.Join(all, " ")
	}
	on := func() *cilog.Log { return &cilog.Log{System: ci.GitHubActions} }
	got := onCI(t, on(), None, many("core", 10, 40), many("web", 10, 0), many("cli", 1, 0), event.RunFinished{ExitCode: 1})
	if count(got) != "6 3 1" || !strings.Contains(got, "::notice title=heapmage::and 51 more errors and warnings in the log\n") {
		t.Error(got)
	}
	if got := onCI(t, on(), None, many("core", 10, 0), event.RunFinished{ExitCode: 1}); count(got) != "10 0 0" || strings.Contains(got, "::notice") {
		t.Error(got)
	}
	t.Run("and those of another kind have their own", func(t *testing.T) {
		log := logOf(t, "")
		text := strings.Repeat("::warning::x\n", 40)
		got := onCI(t, on(), None, output{log, text}, finished("core", "lint", 1, succeeded(1, 1, log)), many("web", 1, 0), event.RunFinished{})
		if strings.Count(got, "::warning") != 10 || count(got) != "0 1 0" {
			t.Error(got)
		}
	})
}

func TestAMemoryDeathIsAnnotated(t *testing.T) {
	e := failed("core", "build", event.TaskFinished{Status: event.OutOfMemory, Reason: "JavaScript heap out of memory", Hint: "raise the heap limit", Peak: 512 * memtools.MB})
	if got := onCI(t, &cilog.Log{System: ci.GitHubActions}, None, e); !strings.Contains(got, "::error title=core::JavaScript heap out of memory%0Aits peak was 512.00MB%0A💡 raise the heap limit\n") {
		t.Error(got)
	}
}

// TestHostileNames: no name of a package and no reason adds a command.
func TestHostileNames(t *testing.T) {
	const evil = "x]\r\n::error::y\n##[group]z##vso[task.setvariable variable=a]b'|section_end:1:c\r\x1b[0K\n--- d"
	e := failed(evil, "build", event.TaskFinished{Status: event.Failed, Reason: evil, Hint: evil, Excerpt: []string{evil}, Log: logOf(t, evil)})
	e.Errors = []diagnostics.Finding{{File: evil, Line: 1, Message: evil}}
	commands := map[ci.System]int{ci.GitHubActions: 1, ci.AzurePipelines: 1, ci.GitLab: 2, ci.Buildkite: 1}
	begins := map[ci.System][]string{ci.GitHubActions: {"::"}, ci.AzurePipelines: {"##vso[", "##["}, ci.GitLab: {"section_start:", "section_end:"}, ci.Buildkite: {"--- ", "+++ "}}
	for system, want := range commands {
		got := onCI(t, &cilog.Log{System: system, Folder: evil}, Held, started(evil, "build", 1), e)
		n := 0
		for _, line := range strings.FieldsFunc(got, func(r rune) bool { return r == '\r' || r == '\n' }) {
			for _, b := range begins[system] {
				if at := strings.Index(line, b); at == 0 || at > 0 && b[0] == '#' {
					n++
				}
			}
		}
		if n != want {
			t.Errorf("%v: %d commands in\n%q", system, n, got)
		}
	}
}

// TestAKnownResultSpeaksToo: what is printed again of it hides the same secrets.
func TestAKnownResultSpeaksToo(t *testing.T) {
	const text = "::add-mask::secret\n::warning::careful\n"
	log := logOf(t, text)
	e := known("core", 1, 1, 0)
	e.Log = log
	got := onCI(t, &cilog.Log{System: ci.GitHubActions}, Grouped, output{log, text}, e)
	if want := "::add-mask::secret\n⚡ Building package: core is up to date, saved 1.00s, 1.00MB\n::warning title=core::careful\n::group::Output of core\n"; !strings.HasPrefix(got, want) {
		t.Errorf("%s", got)
	}
}

// TestNoMatcherAnnotatesAgain: the problem matchers of actions/setup-node find nothing in the output
// of a task whose errors are annotated.
func TestNoMatcherAnnotatesAgain(t *testing.T) {
	matchers := []*regexp.Regexp{
		regexp.MustCompile(`(?m)^(?:\s+\d+>)?([^\s].*)\((\d+)(?:,(\d+)(?:,\d+(?:,\d+)?)?)?\)\s*:\s+(error|warning|info)\s+(\w{1,2}\d+)\s*:\s*(.*)$`),
		regexp.MustCompile(`(?m)^\s*([^\s].*)\n(?:\s+\d+:\d+.*\n)*\s+(\d+):(\d+)\s+(error|warning|info)\s+(.*)\s\s+(.*)$`),
	}
	for i, tool := range []string{"tsc", "eslint"} {
		text, err := os.ReadFile("../diagnostics/testdata/" + tool + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		if !matchers[i].Match(text) {
			t.Errorf("the matcher does not find what %s prints", tool)
		}
		f := failed("core", "build", event.TaskFinished{Status: event.Failed, Reason: "exit code 1", Log: logOf(t, string(text)), Errors: []diagnostics.Finding{{File: "a.ts", Line: 1, Message: "no"}}})
		f.Excerpt = strings.Split(string(text), "\n")[:2]
		for _, show := range []Show{Held, Grouped, Errors, None} {
			got := onCI(t, &cilog.Log{System: ci.GitHubActions}, show, event.RunStarted{Target: "build"}, f, event.RunFinished{ExitCode: 1})
			for _, m := range matchers {
				if found := m.FindString(got); found != "" {
					t.Errorf("%s, %v: %q in\n%s", tool, show, found, got)
				}
			}
		}
	}
}
