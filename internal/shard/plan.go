package shard

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/memtools"
)

// version is that of the plan's file. Another version is refused: a shard must run what was planned.
const version = 1

// Plan is the file by which the runners know what each of them does. It is written once; they
// only read it.
type Plan struct {
	Version int `json:"version"`
	// Digest is the SHA-256 of the plan without it, in hexadecimal digits. Write sets it.
	Digest string `json:"digest"`
	Target string `json:"target"`
	// Commit is what was checked out, and Changes a digest of what differed from that in files
	// under version control; empty if nothing did.
	Commit  string `json:"commit"`
	Changes string `json:"changes,omitempty"`
	// Setup is what was reckoned for a runner before its first task.
	Setup time.Duration `json:"setup"`
	// Alone is how long one runner would take, without set-up.
	Alone time.Duration `json:"alone"`
	// Shards are what the runners do, and Known the tasks whose results were known, which
	// need not run.
	Shards []Shard  `json:"shards"`
	Known  []string `json:"known"`
	// Tasks are those of shards, with what they were reckoned to take.
	Tasks []Cost `json:"tasks"`
}

// Cost is what a task was reckoned to take.
type Cost struct {
	Task   string         `json:"task"`
	Wanted bool           `json:"wanted"` // it was asked for itself
	Known  bool           `json:"known,omitempty"`
	Need   memtools.Bytes `json:"need"`
	Length time.Duration  `json:"length"` // for a known one, what fetching it takes
	Cores  float64        `json:"cores,omitempty"`
	Basis  string         `json:"basis"` // what Need comes from
}

// NewPlan is the plan of a division. basis tells what the need of a task comes from.
func NewPlan(r Request, d *Division, basis func(id string) string) *Plan {
	p := &Plan{Version: version, Setup: r.Setup, Alone: d.Alone, Shards: d.Shards, Known: []string{}, Tasks: []Cost{}}
	if p.Shards == nil {
		p.Shards = []Shard{}
	}
	placed := map[string]bool{}
	for _, s := range d.Shards {
		for _, id := range slices.Concat(s.Tasks, s.Also) {
			placed[id] = true
		}
	}
	for _, t := range r.Tasks {
		if t.Known {
			p.Known = append(p.Known, t.ID)
		}
		if !placed[t.ID] {
			continue
		}
		c := Cost{Task: t.ID, Wanted: t.Wanted, Known: t.Known, Need: t.Need, Length: t.Length, Cores: t.Cores, Basis: basis(t.ID)}
		if t.Known {
			c.Length = fetching(t.Size)
		}
		p.Tasks = append(p.Tasks, c)
	}
	return p
}

// text is the file. It sets the digest.
func (p *Plan) text() ([]byte, error) {
	var err error
	if p.Digest, err = p.digest(); err != nil {
		return nil, err
	}
	return printable.JSON(p)
}

// digest is that of the plan without the one that it has.
func (p *Plan) digest() (string, error) {
	bare := *p
	bare.Digest = ""
	text, err := json.Marshal(bare)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), err
}

// parse reads the text of a plan's file. where names the file in errors.
func parse(where string, text []byte) (*Plan, error) {
	var p Plan
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, unusable(where, "is no plan of ci:matrix", err)
	}
	digest, err := p.digest()
	switch {
	case p.Version == 0:
		return nil, unusable(where, "is no plan of ci:matrix", nil)
	case p.Version != version:
		return nil, unusable(where, fmt.Sprintf("is a plan of version %d, and this heapmage reads version %d", p.Version, version), nil)
	case err != nil || digest != p.Digest:
		return nil, unusable(where, "was changed after ci:matrix wrote it: its digest is another one", err)
	}
	return &p, nil
}

// isPlan reports whether a text looks like a plan, of any version.
func isPlan(text []byte) bool {
	var p Plan
	return json.Unmarshal(text, &p) == nil && p.Version > 0 && p.Digest != ""
}

func unusable(where, what string, cause error) error {
	return &problem.Error{Where: where, What: what, Cause: cause, Hint: "run ci:matrix again, with the same version of heapmage, and give its file to every shard as it is"}
}

// Check reports whether the plan is for a target and for what is checked out.
func (p *Plan) Check(where, target, commit, changes string) error {
	switch {
	case p.Target != target:
		return &problem.Error{Where: where, What: fmt.Sprintf("is the plan of %s, not of %s", p.Target, target),
			Hint: "run " + p.Target + " with it, or plan this one with ci:matrix -target=" + target}
	case p.Commit != commit:
		return &problem.Error{Where: where, What: fmt.Sprintf("is the plan of commit %.12s, and %.12s is checked out", p.Commit, commit),
			Hint: "check out that commit, or run ci:matrix again"}
	case p.Changes != "" && p.Changes != changes:
		return &problem.Error{Where: where, What: fmt.Sprintf("was made while files differed from commit %.12s, and here other ones do, or none", p.Commit),
			Hint: "commit the changes, and run ci:matrix again"}
	}
	return nil
}

// Shard returns the shard that a text such as "2/4" names, the second of four.
func (p *Plan) Shard(text string) (*Shard, error) {
	number, of, err := ParseShard(text)
	where := "-shard=" + text
	switch count := len(p.Shards); {
	case err != nil:
		return nil, err
	case count == 0:
		return nil, &problem.Error{Where: where, What: "the plan has no shards, as nothing had to run", Hint: "start no job if the matrix is empty"}
	case of != count:
		return nil, &problem.Error{Where: where, What: fmt.Sprintf("the plan has %s, not %d", printable.Count(count, "shard"), of), Hint: fmt.Sprintf("pass what the matrix has, the last of which is %d/%[1]d", count)}
	}
	return &p.Shards[number-1], nil
}

// ParseShard reads a text such as "2/4".
func ParseShard(text string) (number, of int, err error) {
	first, second, ok := strings.Cut(text, "/")
	number, errNumber := strconv.Atoi(first)
	of, errOf := strconv.Atoi(second)
	plain := ok && strings.Trim(first+second, "0123456789") == "" && errors.Join(errNumber, errOf) == nil
	switch {
	case !plain:
		return 0, 0, &problem.Error{Where: "-shard=" + text, What: "is no shard", Hint: "write it as 2/4, the second of four"}
	case of < 1 || number < 1 || number > of:
		return 0, 0, &problem.Error{Where: "-shard=" + text, What: fmt.Sprintf("there is no shard %d of %d", number, of), Hint: fmt.Sprintf("shards are counted from 1, and the last of so many is %d/%[1]d", max(1, of))}
	}
	return number, of, nil
}

// Part is what a shard runs.
func (p *Plan) Part(s *Shard) (wanted map[string]bool) {
	wanted = map[string]bool{}
	for _, c := range p.Tasks {
		if slices.Contains(s.Tasks, c.Task) || slices.Contains(s.Also, c.Task) {
			wanted[c.Task] = c.Wanted
		}
	}
	return wanted
}
