// Package setup adds heapmage to a repository. It only adds: new files, and lines to files that Git
// has as they are, so that two commands of Git undo it. It writes all of its files or none, follows
// no symbolic link, installs nothing and asks nothing.
package setup

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/git"
	"github.com/heapmage/heapmage/internal/nearest"
	"github.com/heapmage/heapmage/internal/packagejson"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/workspace"
)

// way is how a repository gets heapmage.
type way string

const (
	withNPM way = "npm" // as a dependency of the root's package.json, with scripts
	withGo  way = "go"  // as targets of Mage
)

// Flags are those of the target init.
type Flags struct {
	// With is "npm" or "go". Empty means what fits the repository and this program.
	With string
	// NoWorkflow leaves the workflow for GitHub Actions out.
	NoWorkflow bool
	// Dry shows the changes and makes none.
	Dry bool
}

// Init adds heapmage to the workspace around the working folder, and shows what it adds.
func Init(ctx context.Context, f Flags) error {
	p, err := prepare(ctx, f)
	if err != nil {
		return err
	}
	if err := report.Print(ctx, os.Environ(), func(out *report.Console) error { return p.show(out, f.Dry) }); err != nil {
		return err
	}
	if f.Dry || len(p.files) == 0 {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := write(p.files); err != nil {
		return &problem.Error{What: "heapmage was not added", Cause: err, Hint: "make room for the file, or make its folder writable, and run init again"}
	}
	return report.Print(ctx, os.Environ(), func(out *report.Console) error { return p.after(out) })
}

// prepared is what init would do.
type prepared struct {
	ws      *workspace.Workspace
	way     way
	version string // of this program if it is a release, such as "1.2.3"
	top     string // the root of the repository; that of the workspace if there is none
	inGit   bool

	files []*file
	notes []note
	next  []string // commands, the first one in the root of the workspace
}

// note tells of something that stays as it is.
type note struct {
	What string
	Do   string // what the user may want to do about it
}

func prepare(ctx context.Context, f Flags) (*prepared, error) {
	here, err := os.Getwd()
	if err != nil {
		return nil, &problem.Error{What: "the working folder is gone", Cause: err, Hint: "cd to the repository and try again"}
	}
	p := &prepared{}
	if p.ws, err = workspace.Load(here); err != nil {
		return nil, err
	}
	var fromNPM bool
	p.version, fromNPM = release()
	if p.way, err = p.choose(f.With, fromNPM); err != nil {
		return nil, err
	}
	if err := p.repository(ctx); err != nil {
		return nil, err
	}
	if p.way == withNPM {
		err = p.addPackage()
	} else {
		err = p.addMagefile()
	}
	if err == nil {
		err = p.addIgnored()
	}
	if err == nil && !f.NoWorkflow {
		err = p.addWorkflow(ctx)
	}
	if err != nil {
		return nil, err
	}
	for _, one := range p.files {
		if p.inGit && one.before != nil && !git.Keeps(ctx, one.base, one.path) {
			return nil, &problem.Error{Where: one.path, What: "has changes that Git does not have, so its change could not be undone",
				Hint: "git add it, or commit it, and run init again"}
		}
	}
	return p, nil
}

// choose decides the way. A repository that has a go.mod or a magefile shows that its people have Go.
func (p *prepared) choose(asked string, fromNPM bool) (way, error) {
	manifest := folder.Has(p.ws.Root, "package.json")
	goFiles := folder.Has(p.ws.Root, "go.mod") || len(magefiles(p.ws.Root)) > 0
	chosen := way(asked)
	switch chosen {
	case withNPM, withGo:
	case "":
		if chosen = withGo; fromNPM && manifest && !goFiles {
			chosen = withNPM
		}
	default:
		return "", &problem.Error{Where: "-with=" + asked, What: "is not known", Hint: nearest.Hint(asked, []string{"npm", "go"}, "it can be")}
	}
	switch {
	case chosen == withNPM && !manifest:
		return "", &problem.Error{Where: "-with=npm", What: "there is no package.json in " + p.ws.Root, Hint: "write one, or use -with=go"}
	case chosen == withNPM && p.version == "":
		return "", &problem.Error{Where: "-with=npm", What: "this heapmage is no release, so npm has no version of it",
			Hint: "run npx heapmage@latest init, or use -with=go"}
	}
	return chosen, nil
}

// repository finds the repository around the workspace.
func (p *prepared) repository(ctx context.Context) error {
	top, err := git.Top(ctx, p.ws.Root)
	switch {
	case errors.Is(err, git.ErrNoGit), errors.Is(err, git.ErrNoRepository):
		p.top = p.ws.Root
	case err != nil:
		return &problem.Error{Where: p.ws.Root, What: "Git cannot tell what of it is committed", Cause: err, Hint: "fix what Git reports, and run init again"}
	default:
		p.top, p.inGit = top, true
	}
	if !filepath.IsLocal(cmp.Or(p.dir(), ".")) {
		return &problem.Error{Where: p.ws.Root, What: "the workspace is not in the repository that Git finds, " + p.top,
			Hint: "unset GIT_DIR and GIT_WORK_TREE"}
	}
	return nil
}

// dir is the workspace in the repository, empty if it is all of it.
func (p *prepared) dir() string {
	rel, err := filepath.Rel(p.top, p.ws.Root)
	if err != nil || rel == "." {
		return ""
	}
	return filepath.ToSlash(rel)
}

// add adds a file to those that will be written, if its text is another than the one it has.
func (p *prepared) add(f *file, after []byte) {
	if f.after = after; string(f.before) != string(after) {
		p.files = append(p.files, f)
	}
}

// stays notes that something is there, and not as it would be written.
func (p *prepared) stays(what, do string) {
	p.notes = append(p.notes, note{What: what + " is there already and stays as it is", Do: do})
}

// shown is the path of a file from the root of the repository.
func (p *prepared) shown(f *file) string {
	if f.base == p.top {
		return f.path
	}
	return path.Join(p.dir(), f.path)
}

// addIgnored has tools that read .gitignore leave heapmage's folder out. Git does so by itself.
func (p *prepared) addIgnored() error {
	f, err := open(p.ws.Root, ".gitignore")
	if err != nil {
		return err
	}
	if packagejson.IsUTF16(f.before) {
		p.stays(f.path, "save it as UTF-8: Git does not read UTF-16")
		return nil
	}
	text := string(f.before)
	for line := range strings.Lines(text) {
		if strings.Trim(strings.TrimSpace(line), "/") == ".heapmage" {
			return nil
		}
	}
	lineEnd := lineEndOf(text)
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += lineEnd
	}
	p.add(f, []byte(text+".heapmage/"+lineEnd))
	return nil
}

// lineEndOf is the line end of a text.
func lineEndOf(text string) string {
	if strings.Contains(text, "\r\n") {
		return "\r\n"
	}
	return "\n"
}

// otherCI are the files by which other CI systems are used.
var otherCI = []string{".gitlab-ci.yml", ".circleci", ".buildkite", "azure-pipelines.yml", "bitbucket-pipelines.yml", ".travis.yml", "Jenkinsfile"}

// addWorkflow adds a workflow, unless heapmage is in one, or the repository is built elsewhere.
func (p *prepared) addWorkflow(ctx context.Context) error {
	const name = "heapmage.yml"
	f, err := open(p.top, path.Join(workflows, name))
	if err != nil {
		return err
	}
	if used := p.user(); used != "" && used != name {
		p.notes = append(p.notes, note{What: path.Join(workflows, used) + " uses heapmage, so no other workflow is added"})
		return nil
	}
	for _, other := range otherCI {
		if !folder.Has(p.top, ".github") && folder.Has(p.top, other) {
			p.notes = append(p.notes, note{What: "there is no workflow for GitHub Actions, because " + other + " is there", Do: "have it run `" + p.build() + "`"})
			return nil
		}
	}
	w := workflow{way: p.way, ws: p.ws, build: p.build(), dir: p.dir(), node: nodeFile(p.ws.Root)}
	if p.inGit {
		w.branch = git.MainBranch(ctx, p.top)
	}
	if f.before == nil {
		p.add(f, w.text())
	} else if string(f.before) != string(w.text()) {
		p.stays(f.path, "")
	}
	return nil
}

// build is the command that builds in CI.
func (p *prepared) build() string {
	if p.way == withNPM {
		return managers[p.ws.Manager].exec + " heapmage build"
	}
	return "go tool mage build"
}

const workflows = ".github/workflows"

// user is the name of a workflow that uses heapmage.
func (p *prepared) user() string {
	entries, _ := os.ReadDir(filepath.Join(p.top, workflows)) // none: it is not there
	for _, e := range entries {
		if text := string(folder.Read(filepath.Join(p.top, workflows), e.Name())); strings.Contains(text, "heapmage") || strings.Contains(text, "go tool mage") {
			return e.Name()
		}
	}
	return ""
}
