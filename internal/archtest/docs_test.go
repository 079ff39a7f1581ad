package archtest

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

var (
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	headline = regexp.MustCompile(`(?m)^#+ (.*)$`)
	// inHeadline is what of a headline's text is not in its anchor.
	inHeadline = regexp.MustCompile(`\]\([^)]*\)|[^\p{L}\p{N} _-]`)
)

// TestDocs: links lead to files and headlines that are there, and every page is listed.
func TestDocs(t *testing.T) {
	repository := os.DirFS("../..")
	pages := []string{"README.md"}
	err := fs.WalkDir(repository, "docs", func(file string, _ fs.DirEntry, err error) error {
		if path.Ext(file) == ".md" {
			pages = append(pages, file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	linked := map[string]map[string]bool{} // from and to
	for _, page := range pages {
		linked[page] = map[string]bool{}
		for _, l := range link.FindAllStringSubmatch(text(t, repository, page), -1) {
			name, anchor, _ := strings.Cut(l[1], "#")
			file := path.Join(path.Dir(page), name)
			switch _, err := fs.Stat(repository, file); {
			case strings.Contains(name, "://"):
				continue
			case name == "":
				file = page
			case err != nil:
				t.Errorf("%s links %s: %v", page, l[1], err)
				continue
			}
			linked[page][file] = true
			if anchor != "" && path.Ext(file) == ".md" && !anchors(text(t, repository, file))[anchor] {
				t.Errorf("%s links %s, which is no headline", page, l[1])
			}
		}
	}
	for _, page := range pages[1:] {
		if page != "docs/README.md" && !linked["docs/README.md"][page] {
			t.Errorf("docs/README.md does not list %s", page)
		}
	}
}

// anchors are those that GitHub gives the headlines of a page.
func anchors(page string) map[string]bool {
	all := map[string]bool{}
	for _, h := range headline.FindAllStringSubmatch(page, -1) {
		all[strings.ReplaceAll(strings.ToLower(inHeadline.ReplaceAllString(h[1], "")), " ", "-")] = true
	}
	return all
}

func text(t *testing.T, files fs.FS, name string) string {
	t.Helper()
	content, err := fs.ReadFile(files, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
