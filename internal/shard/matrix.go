package shard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/memtools"
)

// Formats are those of Matrix.
var Formats = []string{"json", "github", "gitlab", "buildkite"}

// job is a job of a matrix.
type job struct {
	// Shard is what the job passes as -shard=.
	Shard string `json:"shard"`
	// Runner is the label of its runner, and Name what people call it.
	Runner string `json:"runner"`
	Name   string `json:"name"`
}

// checkFormat refuses what is no format of Matrix.
func checkFormat(format string) error {
	if slices.Contains(Formats, format) {
		return nil
	}
	return &problem.Error{Where: "-format=" + format, What: "is no format", Hint: "there are: " + strings.Join(Formats, ", ")}
}

// Matrix is the jobs of the plan in the format of a CI system. command is what a job of Buildkite
// runs, a line for a shell. No name of a package is in it: these systems put variables into what
// they read.
func (p *Plan) Matrix(format, command string) ([]byte, error) {
	jobs := make([]job, len(p.Shards))
	for i, s := range p.Shards {
		shard := fmt.Sprintf("%d/%d", i+1, len(p.Shards))
		jobs[i] = job{shard, s.Runner.Label, p.Target + " " + shard}
	}
	switch format {
	case "github":
		return github(jobs)
	case "gitlab":
		return gitlab(jobs), nil
	case "buildkite":
		return buildkite(jobs, command)
	}
	type described struct {
		job
		Time  time.Duration  `json:"time"`
		Peak  memtools.Bytes `json:"peak"`
		Tasks []string       `json:"tasks"`
		Also  []string       `json:"also"`
	}
	all := make([]described, len(jobs))
	for i, s := range p.Shards {
		all[i] = described{jobs[i], s.Time, s.Peak, s.Tasks, s.Also}
	}
	return printable.JSON(all)
}

// github is one line for an output of a step, which fromJSON reads in strategy.matrix.
func github(jobs []job) ([]byte, error) {
	text, err := json.Marshal(map[string][]job{"include": jobs})
	return append(text, '\n'), err
}

// gitlab is a part of a child pipeline: what the jobs do stands in a job called .shard, which the
// user adds to the same file.
func gitlab(jobs []job) []byte {
	var b bytes.Buffer
	if len(jobs) == 0 { // a pipeline without jobs is an error
		return []byte("nothing-to-do:\n  script: [\"true\"]\n")
	}
	fmt.Fprint(&b, "shards:\n  extends: .shard\n  parallel:\n    matrix:\n")
	for _, j := range jobs {
		fmt.Fprintf(&b, "      - SHARD: %q\n", j.Shard)
		if j.Runner != "" {
			fmt.Fprintf(&b, "        RUNNER: %s\n", quoted(j.Runner))
		}
	}
	return b.Bytes()
}

// quoted is a text in YAML, of which JSON is a part.
func quoted(text string) string {
	quoted, _ := json.Marshal(text) // a string always has a form
	return string(quoted)
}

// buildkite is a pipeline to upload.
func buildkite(jobs []job, command string) ([]byte, error) {
	type step struct {
		Label   string            `json:"label"`
		Command string            `json:"command"`
		Env     map[string]string `json:"env,omitempty"`
		Agents  map[string]string `json:"agents,omitempty"`
	}
	escape := strings.NewReplacer("$", "$$").Replace // else the upload puts variables in
	steps := make([]step, len(jobs))
	for i, j := range jobs {
		steps[i] = step{Label: escape(j.Name), Command: escape(command), Env: map[string]string{"SHARD": j.Shard}}
		if j.Runner != "" {
			steps[i].Agents = map[string]string{"queue": escape(j.Runner)}
		}
	}
	if len(steps) == 0 { // as for GitLab
		steps = append(steps, step{Label: "nothing to do", Command: "true"})
	}
	return printable.JSON(map[string][]step{"steps": steps})
}
