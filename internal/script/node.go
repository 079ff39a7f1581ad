package script

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/nodeoptions"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
)

// Node is the Node.js that scripts run with.
type Node struct {
	// Path is the program itself, also if a shim on the PATH starts it.
	Path string
	// Version is such as "22.23.1".
	Version string
	// Major is the first number of Version.
	Major int
	// YoungGeneration is what V8 adds to the old-space limit for its young
	// generation, as this Node reports it.
	YoungGeneration memtools.Bytes
}

// probeLimit is the old-space limit, in MB, with which Node is asked for its heap
// limit.
const probeLimit = 1024

// probe prints Node's path, its version and its heap limit in one line, behind a mark: a
// shim may print other lines.
const (
	probe     = `console.log("\n%s" + JSON.stringify([process.execPath, process.versions.node, require("v8").getHeapStatistics().heap_size_limit]))`
	probeMark = "heapmage:"
)

// answersVersion changes with what a note on a Node holds.
const answersVersion = "node 1"

// OpenAnswers opens what Node programs answered in earlier runs, which is kept in a file of
// a folder of root. A start of Node takes longer than all else that a run with nothing to do
// does.
func OpenAnswers(root, folder string) *fingerprint.Notes {
	return fingerprint.OpenNotes(root, folder, "node", answersVersion, 8)
}

// findNode finds Node on the PATH of env. It knows it from answers, which may be nil, or asks
// it. The error is a *problem.Error.
func findNode(ctx context.Context, env []string, answers *fingerprint.Notes, total memtools.Bytes) (Node, error) {
	path := environ.Program(env, "node")
	if path == "" {
		return Node{}, &problem.Error{What: "node is not on the PATH", Hint: "install Node.js 20 or newer, or put its folder on the PATH"}
	}
	program, key, ok := identity(path, env, total)
	if answers == nil || !ok {
		return askNode(ctx, path, env)
	}
	var known Node
	if text, found := answers.Of(key); found && json.Unmarshal([]byte(text), &known) == nil && known.Path == program {
		return known, nil
	}
	n, err := askNode(ctx, path, env)
	// Another path means that a version manager's shim stands in front, which may start
	// another Node the next time.
	if text, failed := json.Marshal(n); err == nil && failed == nil && n.Path == program {
		answers.Add(key, string(text))
	}
	return n, err
}

// identity is the program behind a path, and a key that changes with that program and with
// all else that its answer depends on. ok is false if that cannot be told.
func identity(path string, env []string, total memtools.Bytes) (program string, key fingerprint.Digest, ok bool) {
	program, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", key, false
	}
	stamp, ok := fingerprint.Stamp(program)
	parts := []string{program, stamp, total.String()}
	for _, name := range []string{"LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES"} {
		parts = append(parts, environ.Value(env, name))
	}
	return program, fingerprint.Sum(parts...), ok
}

// askNode asks a Node for its path, version and heap limit, for at most 30 s. The error is a
// *problem.Error.
func askNode(ctx context.Context, path string, env []string) (Node, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, path, nodeoptions.HeapFlag(probeLimit*memtools.MB), "-e", fmt.Sprintf(probe, probeMark))
	c.Env = append(environ.Without(env, environ.NodeOptions), environ.NodeNoWarnings+"=1")
	out, err := c.Output()
	n, ok := answered(out)
	if err != nil || !ok {
		return Node{}, &problem.Error{Where: path, What: "this node does not run" + ownWords(out, err), Cause: err, Hint: "try: node --version"}
	}
	return n, nil
}

// answered reads what the probe printed.
func answered(out []byte) (Node, bool) {
	_, line, found := bytes.Cut(out, []byte("\n"+probeMark))
	line, _, _ = bytes.Cut(line, []byte("\n"))
	var n Node
	var limit memtools.Bytes
	if !found || json.Unmarshal(line, &[]any{&n.Path, &n.Version, &limit}) != nil || n.Path == "" {
		return Node{}, false
	}
	major, _, _ := strings.Cut(n.Version, ".")
	n.Major, _ = strconv.Atoi(major)
	n.YoungGeneration = max(0, limit-probeLimit*memtools.MB)
	return n, true
}

// ownWords is what a program that does not run wrote last, for a message.
func ownWords(out []byte, err error) string {
	text := string(out)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && len(bytes.TrimSpace(exit.Stderr)) > 0 {
		text = string(exit.Stderr)
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	if last == "" {
		return ""
	}
	if len(last) > 200 {
		last = strings.ToValidUTF8(last[:200], "") + "…"
	}
	return " (its last line: " + strconv.Quote(last) + ")"
}

// runsWithoutNode reports whether scripts run without Node: those of a Bun workspace on a
// machine that has only Bun, which takes Node's place.
func (s *Settings) runsWithoutNode(env []string) bool {
	return s.ws.Manager == workspace.Bun && environ.Program(env, "node") == "" && environ.Program(env, "bun") != ""
}
