package ci_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/heapmage/heapmage/ci"
)

var at = time.Unix(1560896352, 0)

func TestGroups(t *testing.T) {
	g, open := ci.Group{ID: "core#build", Title: "core: 100% ]done'"}, ci.Group{ID: "web", Title: "web", Open: true}
	for _, tt := range []struct {
		system           ci.System
		start, end, open string
	}{
		{ci.GitHubActions, "::group::core: 100%25 ]done'\n", "::endgroup::\n", "::group::web\n"},
		{ci.AzurePipelines, "##[group]core: 100% ]done'\n", "##[endgroup]\n", "##[group]web\n"},
		{ci.GitLab, "section_start:1560896352:gcore_build[collapsed=true]\r\x1b[0Kcore: 100% ]done'\n", "section_end:1560896352:gcore_build\r\x1b[0K\n", "section_start:1560896352:gweb\r\x1b[0Kweb\n"},
		{ci.Buildkite, "--- core: 100% ]done'\n", "", "+++ web\n"},
		{ci.TeamCity, "##teamcity[blockOpened name='core: 100% |]done|'']\n", "##teamcity[blockClosed name='core: 100% |]done|'']\n", "##teamcity[blockOpened name='web']\n"},
		{ci.Travis, "travis_fold:start:gcore_build\r\x1b[0Kcore: 100% ]done'\n", "travis_fold:end:gcore_build\r\x1b[0K\n", "travis_fold:start:gweb\r\x1b[0Kweb\n"},
		{ci.Other, "", "", ""}, {ci.None, "", "", ""}, {ci.Jenkins, "", "", ""},
	} {
		if start, end := g.Start(tt.system, at), g.End(tt.system, at); start != tt.start || end != tt.end {
			t.Errorf("%v: %q, %q", tt.system, start, end)
		}
		if start := open.Start(tt.system, at); start != tt.open {
			t.Errorf("%v: open: %q", tt.system, start)
		}
	}
}

func TestAnnotations(t *testing.T) {
	full := ci.Annotation{File: "a,b/c:d.ts", Line: 3, Column: 7, Title: "core: TS2322", Message: "Type 'a'\nis 100% [wrong]"}
	for _, tt := range []struct {
		claim  string
		system ci.System
		a      ci.Annotation
		want   string
	}{
		{"all of it", ci.GitHubActions, full, "::error title=core%3A TS2322,file=a%2Cb/c%3Ad.ts,line=3,col=7::Type 'a'%0Ais 100%25 [wrong]\n"},
		{"about no file", ci.GitHubActions, ci.Annotation{Severity: ci.Notice, Line: 3, Message: "x"}, "::notice::x\n"},
		{"without a message it is none", ci.GitHubActions, ci.Annotation{Title: "x"}, ""},
		{"all of it", ci.AzurePipelines, full, "##vso[task.logissue type=error;sourcepath=a,b/c:d.ts;linenumber=3;columnnumber=7]core: TS2322: Type 'a'%0Ais 100% [wrong%5D\n"},
		{"a percent that could be an escape is one", ci.AzurePipelines, ci.Annotation{Severity: ci.Notice, Message: "%0A %3B 5%"}, "##vso[task.logissue type=warning]%AZP250A %AZP253B 5%\n"},
		{"an error", ci.TeamCity, full, "##teamcity[buildProblem description='a,b/c:d.ts:3:7: core: TS2322: Type |'a|'|nis 100% |[wrong|]']\n"},
		{"a warning", ci.TeamCity, ci.Annotation{Severity: ci.Warning, File: "a.ts", Message: "x"}, "##teamcity[message text='a.ts: x' status='WARNING']\n"},
		{"an unknown severity and place", ci.TeamCity, ci.Annotation{Severity: 9, File: "a.ts", Line: -2, Message: "x"}, "##teamcity[buildProblem description='a.ts: x']\n"},
		{"an unknown severity and place", ci.GitHubActions, ci.Annotation{Severity: -1, File: "a.ts", Line: -2, Message: "x"}, "::error file=a.ts::x\n"},
		{"a notice", ci.TeamCity, ci.Annotation{Severity: ci.Notice, File: "a.ts", Line: 2, Message: "x"}, "##teamcity[message text='a.ts:2: x' status='NORMAL']\n"},
		{"there are none", ci.GitLab, full, ""}, {"there are none", ci.Buildkite, full, ""}, {"there are none", ci.None, full, ""},
	} {
		t.Run(tt.system.String()+": "+tt.claim, func(t *testing.T) {
			if got := tt.a.Command(tt.system); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// TestInert: what agents would obey is shown, and nothing else changes.
func TestInert(t *testing.T) {
	for _, tt := range []struct {
		system     ci.System
		line, want string
	}{
		{ci.GitHubActions, "::set-output name=x::y", `\x3a\x3aset-output name=x::y`},
		{ci.GitHubActions, " \t\u00a0::stop-commands::x", " \t\u00a0" + `\x3a\x3astop-commands::x`},
		{ci.GitHubActions, "50 %\r::group::x\r", "50 %\r" + `\x3a\x3agroup::x` + "\r"},
		{ci.GitHubActions, "x ##[add-mask]y", `x ##\x5badd-mask]y`},
		{ci.GitHubActions, "listens on ::1, std::string a::b", "listens on ::1, std::string a::b"},
		{ci.GitHubActions, "::1 is this machine", "::1 is this machine"},
		{ci.GitHubActions, "\x1b[31m##vso[x] ##teamcity[x] --- \xff", "\x1b[31m##vso[x] ##teamcity[x] --- \xff"},
		{ci.AzurePipelines, "x ##vso[task.setvariable variable=x]y ##[error]z", `x ##vso\x5btask.setvariable variable=x]y ##\x5berror]z`},
		{ci.AzurePipelines, "::error::x", "::error::x"},
		{ci.GitLab, "x section_end:1:y\r\x1b[0K", `x section\x5fend:1:y` + "\r\x1b[0K"},
		{ci.Buildkite, "--- a/file.ts", " --- a/file.ts"},
		{ci.Buildkite, "\x1b[1m\x1b[31m+++ x", " \x1b[1m\x1b[31m+++ x"},
		{ci.Buildkite, "^^^ +++", " ^^^ +++"},
		{ci.Buildkite, "50 %\r--- x", "50 %\r --- x"},
		{ci.Buildkite, "\x1b[K\b--- x", " \x1b[K\b--- x"},
		{ci.Buildkite, "\x1b_bk;t=1\a\x1b]0;t\x1b\\\x1b7+++ x", " \x1b_bk;t=1\a\x1b]0;t\x1b\\\x1b7+++ x"},
		{ci.Buildkite, "-----", "-----"},
		{ci.TeamCity, "x ##teamcity[buildStop comment='x']", `x ##teamcity\x5bbuildStop comment='x']`},
		{ci.Travis, "travis_fold:end:x", `travis_fold\x3aend:x`},
		{ci.Travis, "a unfold:start:x time:start:y", `a unfold\x3astart:x time\x3astart:y`},
		{ci.Other, "::error::x ##vso[x] section_start:1:x", "::error::x ##vso[x] section_start:1:x"},
	} {
		if got := string(tt.system.AppendInert([]byte("> "), []byte(tt.line))); got != "> "+tt.want {
			t.Errorf("%v: %q becomes %q, want %q", tt.system, tt.line, got, tt.want)
		}
	}
}

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		system ci.System
		line   string
		want   ci.Annotation // the zero value: none
	}{
		{ci.GitHubActions, " ::Error file=/r/a%2Cb.ts,line=3,endLine=4,col=7,title=a%3Ab::x%0Ay%25", ci.Annotation{File: "/r/a,b.ts", Line: 3, Column: 7, Title: "a:b", Message: "x\ny%"}},
		{ci.GitHubActions, "::error file=a,line=3,column=7::x", ci.Annotation{File: "a", Line: 3, Column: 7, Message: "x"}},
		{ci.GitHubActions, "::warning::x", ci.Annotation{Severity: ci.Warning, Message: "x"}},
		{ci.GitHubActions, "::notice line=-1,col=x,=,y::x", ci.Annotation{Severity: ci.Notice, Message: "x"}},
		{ci.GitHubActions, "::debug::x", ci.Annotation{}}, {ci.GitHubActions, "::error::", ci.Annotation{}}, {ci.GitHubActions, "error::x", ci.Annotation{}},
		{ci.GitHubActions, "x ::error::x", ci.Annotation{}}, {ci.GitHubActions, `\x3a\x3aerror::x`, ci.Annotation{}},
		{ci.AzurePipelines, "##vso[task.logissue type=warning;sourcepath=a.ts;linenumber=2;columnnumber=3;code=9]x%3By", ci.Annotation{Severity: ci.Warning, File: "a.ts", Line: 2, Column: 3, Message: "x;y"}},
		{ci.AzurePipelines, "##vso[task.setvariable variable=x]y", ci.Annotation{}}, {ci.GitLab, "::error::x", ci.Annotation{}},
	} {
		got, ok := tt.system.ParseAnnotation(tt.line)
		if want := tt.want != (ci.Annotation{}); ok != want || want && got != tt.want {
			t.Errorf("%q: %+v, %v", tt.line, got, ok)
		}
	}
	for _, tt := range []struct {
		system     ci.System
		line, want string
	}{
		{ci.GitHubActions, "::add-mask::p%25w", "p%w"}, {ci.AzurePipelines, "x ##vso[task.setsecret]p;w", "p;w"},
		{ci.GitHubActions, "::add-mask:: ", ""}, {ci.GitHubActions, "::error::x", ""}, {ci.AzurePipelines, "::add-mask::x", ""}, {ci.None, "::add-mask::x", ""},
	} {
		if got, ok := tt.system.ParseMask(tt.line); ok != (tt.want != "") || ok && got != tt.want {
			t.Errorf("%q: %q, %v", tt.line, got, ok)
		}
	}
}

// FuzzCommands: whatever the texts are, each system's agent finds the one command that was meant,
// with the texts as they are shown, and none in what was made inert.
func FuzzCommands(f *testing.F) {
	f.Add("::error::x")
	f.Add("a\r\n ::stop-commands::x ##[add-mask]y%0A%25")
	f.Add("x]##vso[task.setvariable variable=a;b=c]%AZP25d ##teamcity[x y='|']")
	f.Add("--- \x1b[31m+++ section_start:1:x\r\x1b[0Ktravis_fold:end:x\u2028\u0085\xff,=:;")
	f.Add("#\u00ad#[error]x \ufeff::group::x :\ufe0f:error::x")
	f.Fuzz(func(t *testing.T, text string) {
		for system, agent := range agents {
			var inert []byte
			for line := range strings.SplitSeq(text, "\n") {
				inert = append(system.AppendInert(inert, []byte(line)), '\n')
			}
			if got := agent(string(inert)); len(got) > 0 {
				t.Fatalf("%v: %q is %q", system, inert, got)
			}
			g := ci.Group{ID: text, Title: text}
			for _, line := range []string{g.Start(system, at), g.End(system, at)} {
				if got := agent(line); line != "" && len(got) != 1 || strings.Count(line, "\n") > 1 {
					t.Fatalf("%v: %q is %q", system, line, got)
				}
			}
			a := ci.Annotation{File: text, Line: 3, Title: text, Message: text}
			line := a.Command(system)
			got := agent(line)
			if line == "" {
				continue
			}
			if len(got) != 1 || strings.Count(line, "\n") != 1 {
				t.Fatalf("%v: %q is %q", system, line, got)
			}
			again, ok := system.ParseAnnotation(strings.TrimSuffix(line, "\n"))
			if parses := system != ci.TeamCity; ok != parses || parses && again.Command(system) != line && again.Title != "" {
				t.Fatalf("%v: %q is read as %+v", system, line, again)
			}
			if system == ci.GitHubActions && (got[0].name != "error" || got[0].data != again.Message || got[0].properties["file"] != again.File || len(got[0].properties) > 3) {
				t.Fatalf("%q is %q", line, got)
			}
		}
	})
}

func FuzzMask(f *testing.F) {
	f.Add("a\nb%0A;]\r\n \n::")
	f.Fuzz(func(t *testing.T, secret string) {
		for _, system := range []ci.System{ci.GitHubActions, ci.AzurePipelines} {
			var got, want []string
			for _, c := range agents[system](system.Mask(secret)) {
				if c.name != "add-mask" && c.name != "task.setsecret" {
					t.Fatalf("%q is %q", secret, c)
				}
				got = append(got, c.data)
			}
			for _, line := range strings.FieldsFunc(secret, func(r rune) bool { return r == '\r' || r == '\n' }) {
				if strings.TrimSpace(line) != "" {
					want = append(want, line)
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%v: %q, want %q", system, got, want)
			}
		}
	})
}

func TestMaskElsewhere(t *testing.T) {
	for _, system := range []ci.System{ci.None, ci.Other, ci.GitLab, ci.Buildkite, ci.TeamCity} {
		if got := system.Mask("secret"); got != "" {
			t.Errorf("%v: %q", system, got)
		}
	}
}

func FuzzOutput(f *testing.F) {
	f.Add("one\ntwo\n", "x=")
	f.Add("end_0<<x\n=", "")
	f.Fuzz(func(t *testing.T, value, before string) {
		if strings.ContainsAny(before, "\n<") {
			return
		}
		file := filepath.Join(t.TempDir(), "output")
		if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		getenv := env(map[string]string{"GITHUB_OUTPUT": file})
		if err := errors.Join(ci.SetOutput(getenv, "first-1", value), ci.SetOutput(getenv, "_second", "2")); err != nil {
			t.Fatal(err)
		}
		text, _ := os.ReadFile(file)
		rest := strings.TrimPrefix(string(text), before)
		got, err := fileCommands(rest)
		if want := map[string]string{"first-1": value, "_second": "2"}; err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %q, %v", text, got, err)
		}
		if before != "" && rest[0] != '\n' {
			t.Fatalf("%q goes on with the line before it", text)
		}
	})
}

func TestFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "summary")
	getenv := env(map[string]string{"GITHUB_STEP_SUMMARY": file, "GITHUB_OUTPUT": file + "-missing/x"})
	for _, text := range []string{"# one", "two\n\n\n"} {
		if err := ci.AppendSummary(getenv, text); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := os.ReadFile(file); string(got) != "# one\n\ntwo\n\n" {
		t.Errorf("%q", got)
	}
	if err := ci.AppendSummary(getenv, strings.Repeat("x", ci.SummaryLimit-13)); !errors.Is(err, ci.ErrSummaryFull) {
		t.Error(err)
	}
	if got, _ := os.ReadFile(file); len(got) != 12 {
		t.Errorf("%d bytes", len(got))
	}
	if err := ci.AppendSummary(getenv, strings.Repeat("x", ci.SummaryLimit-14)); err != nil {
		t.Error(err)
	}
	if err := ci.SetOutput(getenv, "x", "y"); err == nil {
		t.Error("a file that cannot be made is no error")
	}
	for _, name := range []string{"", "1x", "-a", "a.b", "a=b", "a<<b", "a\nb", "é"} {
		if err := ci.SetOutput(getenv, name, "y"); err == nil || errors.Is(err, os.ErrNotExist) {
			t.Errorf("%q is a name: %v", name, err)
		}
	}
	none := env(nil)
	if err := ci.AppendSummary(none, "x"); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	if err := ci.SetOutput(none, "x", "y"); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}
