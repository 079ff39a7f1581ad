package doctor

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/nodeoptions"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/scripttext"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
)

func overrides(f Facts) (findings []finding) {
	for _, s := range f.Overrides {
		one := found("script", Warning, fmt.Sprintf("%s: the script %s sets %s itself", of(s.Packages), s.Name, s.Text),
			"a heap limit in a script overrides heapmage's, and is not lowered to fit the memory", "remove it from the script, and set heapLimit: under packages: in heapmage.yaml")
		one.Packages, one.Unused = s.Packages, s.Unused
		findings = append(findings, one)
	}
	return findings
}

func missing(f Facts) (findings []finding) {
	for _, s := range f.MissingFiles {
		one := found("worker", Problem, fmt.Sprintf("%s: %s, which the script %s starts, does not exist", of(s.Packages), s.Text, s.Name),
			"node fails at once with MODULE_NOT_FOUND", "fix the path in the script")
		one.Packages, one.Unused = s.Packages, s.Unused
		if len(s.fixes) > 0 {
			one.Fix, one.fixes = "spells the path like the existing file, in upper and lower case", s.fixes
		}
		findings = append(findings, one)
	}
	return findings
}

// mostNamed is how many packages a finding names.
const mostNamed = 4

// of names packages, with their number if they are several.
func of(packages []string) string {
	if len(packages) == 1 {
		return packages[0]
	}
	return fmt.Sprintf("%d packages (%s)", len(packages), problem.ShortList(packages, mostNamed))
}

// built are folders whose files a build makes, so that they may be missing.
var built = regexp.MustCompile(`(?:^|/)(?:dist|build|lib|out|esm|cjs|node_modules|\.[\w-]+)/`)

// readScripts looks at the text of the packages' scripts: which set a heap limit
// themselves, and which start a file that does not exist. What packages have in common is
// there once. total is what a percentage in a heap limit is of.
func readScripts(packages []*workspace.Package, total memtools.Bytes, runs func(*workspace.Package, string) bool) (limits, files []Script) {
	for _, pkg := range packages {
		for name, text := range pkg.Scripts {
			unused := runs != nil && !runs(pkg, name)
			if own := nodeoptions.OverrideIn(text, total); len(own.HeapLimits) > 0 {
				limits = add(limits, Script{Packages: []string{pkg.Name}, Name: name, Text: own.Text, Unused: unused})
			}
			for _, file := range scripttext.Entrypoints(text) {
				if isMissing(pkg, file) {
					files = add(files, Script{Packages: []string{pkg.Name}, Name: name, Text: file, Unused: unused, fixes: respelt(pkg, name, file)})
				}
			}
		}
	}
	return sorted(limits), sorted(files)
}

// add adds a script to those of other packages that differ in nothing else. They can be fixed
// together or not at all.
func add(all []Script, s Script) []Script {
	at := slices.IndexFunc(all, func(o Script) bool {
		return o.Name == s.Name && o.Text == s.Text && o.Unused == s.Unused && (o.fixes == nil) == (s.fixes == nil)
	})
	if at < 0 {
		return append(all, s)
	}
	if !slices.Contains(all[at].Packages, s.Packages[0]) {
		all[at].Packages = append(all[at].Packages, s.Packages...)
		all[at].fixes = append(all[at].fixes, s.fixes...)
	}
	return all
}

func sorted(all []Script) []Script {
	for _, s := range all {
		slices.Sort(s.Packages)
	}
	slices.SortFunc(all, func(a, b Script) int {
		return cmp.Or(cmp.Compare(a.Packages[0], b.Packages[0]), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Text, b.Text))
	})
	return all
}

func isMissing(pkg *workspace.Package, file string) bool {
	path := filepath.FromSlash(file)
	if !filepath.IsAbs(path) {
		path = filepath.Join(pkg.Path, path)
	}
	_, err := os.Stat(path)
	return errors.Is(err, os.ErrNotExist) && !built.MatchString(file)
}

// respelt is the fix of a path whose letters are not in the case of those of the only file
// that it can mean. It works on systems that do not tell them apart, and nowhere else.
func respelt(pkg *workspace.Package, name, file string) []fix {
	if filepath.IsAbs(file) || !scripttext.PlainPath(file) {
		return nil
	}
	dir, right := pkg.Path, []string{}
	for part := range strings.SplitSeq(file, "/") {
		if part != "." && part != ".." {
			entries, _ := os.ReadDir(dir) // in none is none of that name
			var same []string
			for _, e := range entries {
				if e.Name() == part {
					same = []string{part}
					break
				}
				if strings.EqualFold(e.Name(), part) {
					same = append(same, e.Name())
				}
			}
			if len(same) != 1 {
				return nil
			}
			part = same[0]
		}
		dir, right = filepath.Join(dir, part), append(right, part)
	}
	to := strings.Join(right, "/")
	if _, err := withScript(pkg.Manifest, name, file, to); err != nil {
		return nil // another file declares the script, or it has the path in parts
	}
	return []fix{editScript(pkg, name, file, to)}
}
