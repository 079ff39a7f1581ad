package shard

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/problem"
)

// made is a plan of two shards.
func made(t *testing.T) *Plan {
	t.Helper()
	r := Request{Runners: 2, Setup: time.Second, Runner: Runner{Label: "small", Memory: 16 * gb, Budget: 15 * gb, CPUs: 1},
		Tasks: []Task{{ID: "docs#build", Known: true, Wanted: true}, task("core#build", 10, gb), task("a#build", 300, gb, "core#build"), task("b#build", 290, gb, "core#build")}}
	r.Tasks[2].Wanted, r.Tasks[3].Wanted = true, true
	p := NewPlan(r, divide(t, r), func(string) string { return "history" })
	p.Target, p.Commit = "build", strings.Repeat("1a", 20)
	return p
}

func TestPlan(t *testing.T) {
	p := made(t)
	text, err := p.text()
	if err != nil {
		t.Fatal(err)
	}
	got, err := parse("plan.json", text)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := got.text(); string(again) != string(text) {
		t.Errorf("read and written again it is\n%s\nnot\n%s", again, text)
	}
	second, err := got.Shard("2/2")
	if err != nil {
		t.Fatal(err)
	}
	part := got.Part(second)
	wanted, ok := part["core#build"]
	if len(part) != 2 || !part["b#build"] || !ok || wanted {
		t.Errorf("%v", part)
	}
	if len(got.Known) != 1 || len(got.Tasks) != 3 || !isPlan(text) || isPlan([]byte(`{"version": 1}`)) {
		t.Errorf("%+v", got)
	}
}

// refused checks that an error is the user's mistake and names something.
func refused(t *testing.T, err error, want string) {
	t.Helper()
	p := (*problem.Error)(nil)
	if !errors.As(err, &p) || p.ExitStatus() != problem.ExitUsage || p.Hint == "" || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q with a hint", err, want)
	}
}

func TestPlanMistakes(t *testing.T) {
	p := made(t)
	text, err := p.text()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ claim, text, want string }{
		{"no JSON", "x", "is no plan of ci:matrix"},
		{"another JSON", `{"name": "acme"}`, "is no plan of ci:matrix"},
		{"nothing", "", "is no plan of ci:matrix"},
		{"another version", strings.Replace(string(text), `"version": 1`, `"version": 2`, 1), "is a plan of version 2"},
		{"another commit in it", strings.Replace(string(text), "1a1a", "1b1b", 1), "was changed after"},
		{"a task less", strings.Replace(string(text), `"b#build"`, `"c#build"`, 1), "was changed after"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			_, err := parse("plan.json", []byte(tt.text))
			refused(t, err, "plan.json: "+tt.want)
		})
	}
	for shard, want := range map[string]string{
		"0/2": "there is no shard 0 of 2", "3/2": "there is no shard 3 of 2", "1/0": "there is no shard 1 of 0", "x": "is no shard", "": "is no shard", "1": "is no shard",
		"1/2/3": "is no shard", "+1/2": "is no shard", "-1/2": "is no shard", "1/ 2": "is no shard", "99999999999999999999/2": "is no shard",
		"1/3": "the plan has 2 shards, not 3", "1/1": "the plan has 2 shards, not 1",
	} {
		_, err := p.Shard(shard)
		refused(t, err, "-shard="+shard+": "+want)
	}
	p.Shards = nil
	_, err = p.Shard("1/1")
	refused(t, err, "as nothing had to run")
}

func TestCheck(t *testing.T) {
	p := made(t)
	if err := p.Check("p", "build", p.Commit, "ab"); err != nil {
		t.Errorf("changes that the plan does not have: %v", err)
	}
	refused(t, p.Check("p", "test", p.Commit, ""), "is the plan of build, not of test")
	refused(t, p.Check("p", "build", strings.Repeat("2b", 20), ""), "is the plan of commit 1a1a1a1a1a1a, and 2b2b2b2b2b2b is checked out")
	p.Changes = "cd"
	if err := p.Check("p", "build", p.Commit, "cd"); err != nil {
		t.Error(err)
	}
	refused(t, p.Check("p", "build", p.Commit, ""), "files differed from commit")
	refused(t, p.Check("p", "build", p.Commit, "ab"), "files differed from commit")
}

func TestMatrix(t *testing.T) {
	p := made(t)
	for format, want := range map[string]string{
		"github":    `{"include":[{"shard":"1/2","runner":"small","name":"build 1/2"},{"shard":"2/2","runner":"small","name":"build 2/2"}]}` + "\n",
		"gitlab":    "shards:\n  extends: .shard\n  parallel:\n    matrix:\n      - SHARD: \"1/2\"\n        RUNNER: \"small\"\n      - SHARD: \"2/2\"\n        RUNNER: \"small\"\n",
		"buildkite": "{\n  \"steps\": [\n    {\n      \"label\": \"build 1/2\",\n      \"command\": \"sh -c 'exit $$CODE'\",\n      \"env\": {\n        \"SHARD\": \"1/2\"\n      },\n      \"agents\": {\n        \"queue\": \"small\"\n      }\n    },\n",
		"json":      "[\n  {\n    \"shard\": \"1/2\",\n    \"runner\": \"small\",\n    \"name\": \"build 1/2\",\n    \"time\": 310000000000,\n    \"peak\": ",
	} {
		got, err := p.Matrix(format, "sh -c 'exit $CODE'")
		if err != nil || !strings.HasPrefix(string(got), want) || format[:2] == "gi" && string(got) != want {
			t.Errorf("%s: %v\n%s", format, err, got)
		}
	}
	p.Shards = nil
	for format, want := range map[string]string{
		"github": `{"include":[]}` + "\n", "gitlab": "nothing-to-do:\n  script: [\"true\"]\n", "buildkite": "{\n  \"steps\": [\n    {\n      \"label\": \"nothing to do\",\n      \"command\": \"true\"\n    }\n  ]\n}\n", "json": "[]\n",
	} {
		if got, err := p.Matrix(format, ""); err != nil || string(got) != want {
			t.Errorf("%s of nothing: %v\n%s", format, err, got)
		}
	}
}

func TestFlags(t *testing.T) {
	s, err := Flags{Runners: "4", Memory: "16GB", CPUs: "2.5", Setup: "1m", Larger: "self:hosted:64GB:16", Format: "github"}.Read()
	want := Settings{Runners: 4, Runner: Runner{Label: "ubuntu-latest", Memory: 16 * gb, CPUs: 2.5}, Setup: time.Minute, Format: "github", Command: usualCommand}
	larger := s.Larger
	if s.Larger = nil; err != nil || s != want || larger == nil || *larger != (Runner{Label: "self:hosted", Memory: 64 * gb, CPUs: 16}) {
		t.Errorf("%+v, %+v, %v", s, larger, err)
	}
	if s, err := (Flags{Runners: "1"}).Read(); err != nil || s.Format != "json" || s.Setup != 40*time.Second || s.Runner != (Runner{}) {
		t.Errorf("%+v, %v", s, err)
	}
	for want, f := range map[string]Flags{
		"-runners=: is no number":                   {},
		"-runners=0: is no number":                  {Runners: "0"},
		"-runners=201: is no number":                {Runners: "201"},
		"-runners=four: is no number":               {Runners: "four"},
		"-memory=lots: its memory cannot be used":   {Runners: "1", Memory: "lots"},
		"-memory=1MB: its memory cannot be used":    {Runners: "1", Memory: "1MB"},
		`-cpus=0: "0" is no number of processors`:   {Runners: "1", CPUs: "0"},
		`-cpus=NaN: "NaN" is no number`:             {Runners: "1", CPUs: "NaN"},
		"-setup=40: is no time":                     {Runners: "1", Setup: "40"},
		"-setup=-1s: is no time":                    {Runners: "1", Setup: "-1s"},
		"-format=xml: is no format":                 {Runners: "1", Format: "xml"},
		"-larger=big: is no label":                  {Runners: "1", Larger: "big"},
		"-larger=:64GB:16: is no label":             {Runners: "1", Larger: ":64GB:16"},
		"-larger=big:64GB:many: \"many\"":           {Runners: "1", Larger: "big:64GB:many"},
		"-larger=big:64:16: its memory":             {Runners: "1", Larger: "big:64:16"},
		"-command=make: is only for -format=buildk": {Runners: "1", Command: "make"},
	} {
		_, err := f.Read()
		refused(t, err, want)
	}
}
