// Package nxcommand tells what Nx's executor nx:run-commands does, as a shell script. It is
// written after https://nx.dev/reference/core-api/nx/executors/run-commands.
package nxcommand

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/tailscale/hujson"

	"github.com/heapmage/heapmage/internal/jsonc"
	"github.com/heapmage/heapmage/internal/scripttext"
)

// steering are the options of nx:run-commands that are no arguments of its commands.
var steering = []string{"command", "commands", "color", "parallel", "readyWhen", "cwd", "args", "envFile", "env", "usePty", "streamOutput", "verbose", "forwardAllArgs", "tty"}

// command is one of the commands.
type command struct {
	Command        string `json:"command"`
	ForwardAllArgs *bool  `json:"forwardAllArgs"`
}

// Options are the options of a target by name, as JSON.
type Options map[string]json.RawMessage

// ReadOptions reads the options of a target, and those of its configurations by name.
func ReadOptions(target hujson.Value) (options Options, configurations map[string]Options) {
	target = target.Clone()
	target.Standardize() // without comments
	if v, ok := jsonc.Member(target, "options"); ok && jsonc.IsObject(v) {
		_ = json.Unmarshal(v.Pack(), &options) // it is an object
	}
	if v, ok := jsonc.Member(target, "configurations"); ok && jsonc.IsObject(v) {
		_ = json.Unmarshal(v.Pack(), &configurations) // those that are none have no options
	}
	if v, ok := jsonc.Member(target, "command"); ok {
		if options == nil {
			options = Options{}
		}
		options["command"] = v.Pack()
	}
	return options, configurations
}

// Read fills into from an option, and reports whether it is there and fits.
func (o Options) Read(name string, into any) bool {
	raw, ok := o[name]
	return ok && json.Unmarshal(raw, into) == nil
}

// Project is the package that has the target. Dir is its folder below the root.
type Project struct{ Name, Dir string }

// Script returns a POSIX shell script that does what nx:run-commands would. problem tells why
// there is none.
func (o Options) Script(p Project) (text, problem string) {
	for _, name := range []string{"readyWhen", "envFile"} {
		if raw, ok := o[name]; ok && string(raw) != "null" && string(raw) != "[]" {
			return "", "with " + name
		}
	}
	commands, parallel, ok := o.commands()
	if !ok {
		return "", "with commands that are no texts"
	}
	if len(commands) == 0 {
		return "true", ""
	}
	var env map[string]string
	if _, ok := o["env"]; ok && !o.Read("env", &env) {
		return "", "with an env that holds no texts"
	}
	var before strings.Builder
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if !variable.MatchString(name) {
			return "", "with a variable that no shell can set"
		}
		fmt.Fprintf(&before, "export %s=%s && ", name, scripttext.Quote(o.fill(env[name], p)))
	}
	if dir := o.folder(p); dir != "." {
		fmt.Fprintf(&before, "cd %s && ", scripttext.Quote(dir))
	}
	forward := true
	o.Read("forwardAllArgs", &forward)
	if one := commands[0]; len(commands) == 1 && forward && one.ForwardAllArgs == nil {
		return before.String() + o.line(one.Command, p, true), ""
	}
	var lines []string
	for _, c := range commands {
		forward := forward
		if c.ForwardAllArgs != nil {
			forward = *c.ForwardAllArgs
		}
		line := o.line(c.Command, p, forward)
		if forward && !strings.Contains(c.Command, "{args") {
			line += ` "$@"`
		}
		lines = append(lines, line)
	}
	return before.String() + joined(lines, parallel), ""
}

var variable = regexp.MustCompile(`^[A-Za-z_]\w*$`)

// joined is a shell function, and its call, that runs commands: at once, or one after the
// other until one fails. Arguments may be appended.
func joined(commands []string, parallel bool) string {
	if !parallel {
		return "commands() { (" + strings.Join(commands, ") && (") + "); }; commands"
	}
	var start, wait strings.Builder
	for i, c := range commands {
		fmt.Fprintf(&start, "(%s) & p%d=$!; ", c, i)
		fmt.Fprintf(&wait, "wait $p%d || e=$?; ", i)
	}
	return "commands() { e=0; " + start.String() + wait.String() + "return $e; }; commands"
}

// commands are "command", or all of "commands" and whether they run at once.
func (o Options) commands() (all []command, parallel, ok bool) {
	var one string
	var words []string
	switch {
	case o.Read("command", &one):
		return []command{{Command: one}}, false, true
	case o.Read("command", &words):
		return []command{{Command: strings.Join(words, " ")}}, false, true
	}
	var list []json.RawMessage
	if !o.Read("commands", &list) {
		return nil, false, false
	}
	for _, raw := range list {
		var c command
		if json.Unmarshal(raw, &c.Command) != nil && json.Unmarshal(raw, &c) != nil {
			return nil, false, false
		}
		all = append(all, c)
	}
	parallel = true
	o.Read("parallel", &parallel)
	return all, parallel && len(all) > 1, true
}

// folder is where the commands run, relative to the package's: the root, if no cwd is given.
func (o Options) folder(p Project) string {
	dir := ""
	o.Read("cwd", &dir)
	if dir = o.fill(dir, p); path.IsAbs(dir) {
		return dir
	}
	from, _ := filepath.Rel(filepath.FromSlash("/"+p.Dir), filepath.FromSlash("/"+dir)) // both are absolute
	return filepath.ToSlash(from)
}

// fill replaces what Nx replaces in all options.
func (o Options) fill(text string, p Project) string {
	text = strings.TrimPrefix(text, "{workspaceRoot}/")
	if text == "{workspaceRoot}" {
		text = ""
	}
	return strings.NewReplacer("{projectRoot}", p.Dir, "{projectName}", p.Name).Replace(text)
}

var argument = regexp.MustCompile(`\{args\.([^}]+)\}`)

// line is a command with its arguments: the other options and "args".
func (o Options) line(command string, p Project, forward bool) string {
	command = o.fill(command, p)
	var args []string
	values := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		var v any
		if slices.Contains(steering, name) || !o.Read(name, &v) {
			continue
		}
		switch v.(type) {
		case nil, map[string]any, []any:
			continue
		}
		values[name] = fmt.Sprint(v)
		args = append(args, "--"+name+"="+scripttext.Quote(o.fill(values[name], p)))
	}
	var given string
	var list []string
	if o.Read("args", &list) {
		given = strings.Join(list, " ")
	} else {
		o.Read("args", &given)
	}
	for word := range strings.FieldsSeq(given) {
		if name, value, ok := strings.Cut(strings.TrimPrefix(word, "--"), "="); ok {
			values[name] = value
		}
		args = append(args, word)
	}
	all := strings.Join(args, " ")
	switch {
	case strings.Contains(command, "{args."):
		return argument.ReplaceAllStringFunc(command, func(a string) string { return values[argument.FindStringSubmatch(a)[1]] })
	case strings.Contains(command, "{args}"):
		return strings.ReplaceAll(command, "{args}", all)
	case forward && all != "":
		return command + " " + all
	}
	return command
}
