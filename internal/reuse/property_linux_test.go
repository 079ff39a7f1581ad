package reuse

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/heapmage/heapmage/internal/observe"
	"github.com/heapmage/heapmage/internal/testkit"
)

// checksVariable is how many workspaces TestProperty makes.
const checksVariable = "REUSE_CHECKS"

const usualChecks = 12

// job is a task of a random workspace.
type job struct {
	id, out, script string
	after           []string
	// reads are the paths that its result depends on, all that is in them included, and
	// lists are folders of which only the names count.
	reads, lists []string
	// keeps is set if what it leaves depends on what it had left before.
	keeps bool

	kept map[[sha256.Size]byte]bool // the inputs of its kept results
}

// jobs draws the tasks.
func jobs(t *rapid.T, outside string) []*job {
	node, _ := exec.LookPath("node")
	kinds := []string{"cat", "sed", "copy", "list", "flag", "once", "glob", "fresh glob", "link", "move", "env", "outside", "missing", "upstream", "upstream", "upstream", "in vain", "alias", "take", "drop", "subshell", "exclusive", "hard", "empty", "probe"}
	if node != "" {
		kinds = append(kinds, "node")
	}
	var all []*job
	writers := map[string][]string{} // of a job's files, in order
	for i := range rapid.IntRange(3, 5).Draw(t, "jobs") {
		j := &job{id: fmt.Sprintf("p%d#build", i), out: fmt.Sprintf("o%d", i), kept: map[[sha256.Size]byte]bool{}}
		src := rapid.SampledFrom([]string{"src", "lib"}).Draw(t, "src")
		o, x := j.out, src+"/x"
		var before *job
		if i > 0 {
			before = all[rapid.IntRange(0, i-1).Draw(t, "before")]
		}
		follow := func() {
			for _, id := range writers[before.out] {
				j.after = append(j.after, id)
				for _, other := range all {
					if other.id == id {
						j.after = append(j.after, other.after...)
					}
				}
			}
			j.keeps = before.keeps
			j.reads = append(j.reads, before.out+"/main")
		}
		kind := rapid.SampledFrom(kinds).Draw(t, "kind")
		if before == nil && slices.Contains([]string{"upstream", "alias", "take", "drop"}, kind) {
			kind = "cat"
		}
		dir := "mkdir -p " + o + "; "
		fresh := "rm -rf " + o + "; mkdir " + o + "; "
		switch kind {
		case "cat":
			j.script, j.reads = dir+"{ cat "+x+" config 2>/dev/null || echo none; } >"+o+"/main", []string{x, "config"}
		case "sed":
			j.script, j.reads = dir+"sed 's/#.*//' "+x+" >"+o+"/main 2>/dev/null || echo none >"+o+"/main", []string{x}
		case "copy":
			j.script, j.reads = fresh+"cp -r "+src+" "+o+"/main", []string{src}
		case "list":
			j.script, j.lists = dir+"ls "+src+" >"+o+"/main", []string{src}
		case "flag":
			j.script, j.reads = dir+"if [ -e flag ]; then echo yes; else echo no; fi >"+o+"/main", []string{"flag"}
		case "once":
			j.script, j.reads, j.keeps = dir+"[ -e "+o+"/main ] || cat "+x+" >"+o+"/main 2>/dev/null || true", []string{x}, true
		case "glob", "fresh glob":
			if kind == "fresh glob" {
				dir = fresh
			}
			j.script, j.reads = dir+"for f in "+src+`/*; do if [ -f "$f" ]; then cat "$f" >`+o+`/"${f##*/}"; fi; done; echo ok >`+o+"/main", []string{src}
		case "link":
			j.script, j.reads = dir+"rm -f "+o+"/l; ln -s ../"+x+" "+o+"/l; { cat "+o+"/l 2>/dev/null || echo none; readlink "+src+"/l || true; } >"+o+"/main", []string{x, src + "/l"}
		case "move":
			j.script, j.reads = dir+"{ cat "+x+" 2>/dev/null || echo none; } >"+o+"/tmp; mv -f "+o+"/tmp "+o+"/main", []string{x}
		case "env":
			j.script, j.reads = dir+"{ cat .env 2>/dev/null || echo none; } >"+o+"/main", []string{".env"}
		case "outside":
			j.script, j.reads = dir+"{ cat "+outside+" 2>/dev/null || echo none; } >"+o+"/main", []string{outside}
		case "missing":
			j.script, j.reads = dir+"{ cat nothing/../config 2>/dev/null || cat config 2>/dev/null || echo none; } >"+o+"/main", []string{"nothing", "config"}
		case "in vain":
			j.script, j.lists = dir+"mkdir "+src+" 2>/dev/null || rmdir config 2>/dev/null || true; ls "+src+" >"+o+"/main", []string{src}
		case "exclusive":
			j.script, j.reads = dir+"(set -C; : >config) 2>/dev/null || true; cat config >"+o+"/main", []string{"config"}
		case "hard":
			j.script, j.reads = fresh+"ln config "+o+"/c 2>/dev/null || true; { cat "+o+"/c 2>/dev/null || echo none; } >"+o+"/main; rm -f "+o+"/c", []string{"config"}
		case "empty":
			j.script, j.reads = dir+"mkdir -p "+o+"/empty/deep; chmod 700 "+o+"/empty; { cat "+x+" 2>/dev/null || echo none; } >"+o+"/main; chmod +x "+o+"/main", []string{x}
		case "probe":
			j.script, j.reads = dir+"for f in a.js a.ts b/index.js b.json; do if [ -f "+src+"/$f ]; then cat "+src+"/$f; break; fi; done >"+o+"/main", []string{src + "/a.js", src + "/a.ts", src + "/b", src + "/b.json"}
		case "subshell":
			j.script, j.reads = dir+"(cd "+src+"; { cat ./x ../config 2>/dev/null || true; } | tr a-z A-Z) >"+o+"/main", []string{x, "config"}
		case "node":
			j.script, j.reads = `node -e "const fs=require('fs');fs.mkdirSync('`+o+`',{recursive:true});let s='';for(const f of fs.readdirSync('`+src+`'))try{s+=f+fs.readFileSync('`+src+`/'+f)}catch(e){s+=e.code};fs.writeFileSync('`+o+`/main',s)"`, []string{src}
		case "upstream":
			follow()
			j.script = dir + "{ cat " + before.out + "/main 2>/dev/null || echo none; echo " + j.id + "; } >" + o + "/main"
		case "alias":
			follow()
			f := before.out + "/main"
			j.script = "if [ -f " + f + " ]; then sed 's/^/+/' " + f + " >" + f + ".new; mv -f " + f + ".new " + f + "; fi; " + dir + "echo ok >" + o + "/main"
		case "take":
			follow()
			j.script = fresh + "mv " + before.out + "/main " + o + "/main 2>/dev/null || echo none >" + o + "/main"
		case "drop":
			follow()
			j.script = "rm -rf " + before.out + "/main; " + dir + "echo ok >" + o + "/main"
		}
		if before != nil && slices.Contains([]string{"alias", "take", "drop"}, kind) {
			writers[before.out] = append(writers[before.out], j.id)
			before.keeps = before.keeps || j.keeps
			// Who reads it already comes before.
			for _, other := range all {
				if slices.Contains(other.reads, before.out+"/main") && other != j {
					j.after = append(j.after, other.id)
					j.after = append(j.after, other.after...)
				}
			}
		}
		slices.Sort(j.after)
		j.after = slices.Compact(j.after)
		writers[o] = append(writers[o], j.id)
		all = append(all, j)
	}
	return all
}

// edits are what happens between two builds, as scripts.
func edit(t *rapid.T, jobs []*job, outside string) string {
	src := rapid.SampledFrom([]string{"src", "lib"}).Draw(t, "src")
	x := src + "/" + rapid.SampledFrom([]string{"x", "x", "y", "a.js", "a.ts", "b.json"}).Draw(t, "file")
	word := rapid.SampledFrom([]string{"1", "2", "three # one", "three # two"}).Draw(t, "word")
	out := jobs[rapid.IntRange(0, len(jobs)-1).Draw(t, "job")].out
	return rapid.SampledFrom([]string{
		"rm -f " + x + "; echo '" + word + "' >" + x,
		"rm -f " + x + "; echo '" + word + "' >" + x,
		"echo '" + word + "' >>" + x,
		"rm -f " + x,
		"mv " + x + " " + x + ".moved",
		"mv " + x + " lib/y",
		"mv " + x + ".moved " + x,
		"touch " + x,
		"chmod 755 " + x,
		"chmod 644 " + x,
		"chmod 700 " + src,
		"chmod 755 " + src,
		"rm -f " + x + "; ln -s y " + x,
		"ln -sfn " + word[:1] + " " + src + "/l",
		"ln -sfn y " + src + "/l",
		"mkdir -p " + src + "/b; echo '" + word + "' >" + src + "/b/index.js",
		"rm -rf " + src + "/b",
		"mv src swap; mv lib src; mv swap lib",
		"touch flag",
		"rm -f flag",
		"echo '" + word + "' >.env",
		"rm -f .env",
		"echo '" + word + "' >config",
		"rm -f config",
		"mkdir nothing",
		"rmdir nothing",
		"echo '" + word + "' >" + outside,
		"rm -f " + outside,
		"rm -rf " + out,
		"rm -f " + out + "/main",
		"[ ! -f " + out + "/main ] || echo mine >" + out + "/main",
		"rm -rf o?",
		"git add -A; git -c user.name=a -c user.email=a@b.c commit -qm y",
		"true",
	}).Draw(t, "edit")
}

// tree describes what is at a path.
func tree(root, name string, names bool) string {
	var b strings.Builder
	top := name
	if !filepath.IsAbs(name) {
		top = filepath.Join(root, name)
	}
	_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(top, path)
		if err != nil {
			fmt.Fprintf(&b, "%s absent\n", rel)
			return nil //nolint:nilerr // that is what it is
		}
		info, err := os.Lstat(path)
		if err != nil {
			fmt.Fprintf(&b, "%s absent\n", rel)
			return nil //nolint:nilerr // that is what it is
		}
		switch {
		case names && rel != ".":
			fmt.Fprintf(&b, "%s\n", rel)
			if d.IsDir() {
				return fs.SkipDir
			}
		case info.Mode()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(path)
			fmt.Fprintf(&b, "%s -> %s\n", rel, target)
			if text, err := os.ReadFile(path); err == nil && !names {
				fmt.Fprintf(&b, "  leads to %q\n", text)
			}
		case info.IsDir():
			fmt.Fprintf(&b, "%s %v\n", rel, info.Mode())
		default:
			text, _ := os.ReadFile(path)
			fmt.Fprintf(&b, "%s %v %q\n", rel, info.Mode(), text)
		}
		return nil
	})
	return b.String()
}

// compare checks that a folder has the outputs of the jobs, and the sources, of one that was built from nothing.
func compare(rt *rapid.T, all []*job, clean, root string) {
	for _, j := range all {
		if j.keeps {
			continue
		}
		want, got := tree(clean, j.out, false), tree(root, j.out, false)
		if strings.Contains(j.script, "for f in") && strings.HasPrefix(j.script, "mkdir -p") {
			// Incremental for its folder's sake: what it left stays.
			for line := range strings.Lines(want) {
				if !strings.Contains(got, line) {
					rt.Errorf("%s: no %q in %q", j.id, line, got)
				}
			}
			continue
		}
		if want != got {
			rt.Errorf("%s left:\n%s\nwant:\n%s", j.id, got, want)
		}
	}
	for _, name := range []string{"src", "lib", "config", ".env", "flag"} {
		if want, got := tree(clean, name, false), tree(root, name, false); want != got {
			rt.Errorf("%s is:\n%s\nwant:\n%s", name, got, want)
		}
	}
}

// inputs is the state of what a job depends on.
func (j *job) inputs(root string) [sha256.Size]byte {
	var b strings.Builder
	for _, r := range j.reads {
		b.WriteString(r + "\n" + tree(root, r, false))
		if dir := filepath.Dir(r); dir != "." {
			info, err := os.Lstat(filepath.Join(root, dir))
			if err == nil {
				fmt.Fprintf(&b, "%v\n", info.Mode())
			}
		}
	}
	for _, r := range j.lists {
		b.WriteString(r + "\n" + tree(root, r, true))
	}
	return sha256.Sum256([]byte(b.String()))
}

// TestProperty: after any edits, a build that uses results leaves what a build from nothing
// leaves, no task runs whose inputs are as they were for a kept result, and what a forecast
// takes for known or not is so. The number of workspaces is in REUSE_CHECKS.
func TestProperty(t *testing.T) {
	testkit.RapidChecks(t, checksVariable, usualChecks)
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	runs, hits, unkept, foreseen := 0, 0, map[string]int{}, map[State]int{}
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(base, "") //nolint:usetesting // one for each check
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		outside := filepath.Join(dir, "outside")
		all := jobs(rt, outside)
		p := &place{t: rt, root: filepath.Join(dir, "ws"), home: filepath.Join(dir, "ws", "home"), eyes: &observe.Observer{}}
		defer p.eyes.Close()
		for name, text := range map[string]string{"src/x": "1 # one\n", "src/y": "2\n", "lib/x": "3\n", "config": "c\n", ".gitignore": "o?\n.env\nflag\nhome\n.heapmage\n"} {
			p.write(name, text)
		}
		p.sh("git init -q && git add -A && git -c user.name=a -c user.email=a@b.c commit -qm x")
		p.open()
		history := []string{}
		for _, j := range all {
			history = append(history, fmt.Sprintf("  %s after %v: %s", j.id, j.after, j.script))
		}
		saved := filepath.Join(dir, "saved")
		shell := func(text string) {
			c := exec.Command("sh", "-c", text)
			c.Dir = p.root
			_ = c.Run() // an edit may not be possible
		}
		for round := range rapid.IntRange(2, 6).Draw(rt, "builds") {
			if round > 0 {
				for range rapid.IntRange(1, 3).Draw(rt, "edits") {
					var text string
					switch rapid.IntRange(0, 9).Draw(rt, "what") {
					case 0:
						text = "rm -rf " + saved + "; mkdir " + saved + "; cp -a src lib config " + saved
					case 1:
						text = "[ ! -d " + saved + " ] || { rm -rf src lib config; cp -a " + saved + "/. .; }"
					default:
						text = edit(rt, all, outside)
					}
					history = append(history, "edit: "+text)
					shell(text)
				}
			}
			shell("mkdir -p src lib; [ -e config ] || echo c >config")
			clean := filepath.Join(dir, "clean")
			c := exec.Command("sh", "-c", "rm -rf "+clean+"; mkdir "+clean+"; cp -a "+p.root+"/. "+clean+"; cd "+clean+"; rm -rf o? .heapmage home .git")
			if out, err := c.CombinedOutput(); err != nil {
				rt.Fatalf("%v\n%s", err, out)
			}
			p.again()
			outlooks := map[string]Outlook{}
			forecast, done := p.forecast()
			untouched := tree(p.root, ".", false)
			for _, j := range all {
				outlooks[j.id] = forecast.Of(rt.Context(), taskOf(j.id, j.script, j.after))
			}
			done()
			if tree(p.root, ".", false) != untouched {
				rt.Fatal("a forecast changes files")
			}
			for _, j := range all {
				now := j.inputs(clean)
				c := exec.Command("sh", "-ec", j.script)
				c.Dir = clean
				failed := ""
				if out, err := c.CombinedOutput(); err != nil {
					failed = string(out)
				}
				if failed != "" {
					rt.Skip("a task fails: " + j.script + failed)
				}
				got := p.do(j.id, j.script, j.after...)
				history = append(history, fmt.Sprintf("  %s: %s, foreseen as %+v", j.id, got, outlooks[j.id]))
				foreseen[outlooks[j.id].State]++
				switch hit := got == "up to date" || got == "restored"; outlooks[j.id].State {
				case UpToDate, Restored:
					if !hit {
						rt.Errorf("%s was foreseen as known, and ran: %s\n%s", j.id, got, strings.Join(history, "\n"))
					}
				case Runs:
					if hit {
						rt.Errorf("%s was foreseen to run, and is %s\n%s", j.id, got, strings.Join(history, "\n"))
					}
				case Unknown:
				}
				if got == "up to date" || got == "restored" {
					hits++
				} else {
					runs++
					if j.kept[now] && !j.keeps {
						rt.Errorf("%s ran needlessly: %s\n%s", j.id, got, strings.Join(history, "\n"))
					}
					if _, not, found := strings.Cut(got, "; not kept: "); found {
						unkept[not]++
					} else {
						j.kept[now] = true
					}
				}
			}
			compare(rt, all, clean, p.root)
			if rt.Failed() {
				rt.Fatal("\n" + strings.Join(history, "\n"))
			}
		}
		if err := p.r.Close(); err != nil {
			rt.Fatal(err)
		}
	})
	t.Logf("%d runs, %d hits; not kept: %v; foreseen: %v", runs, hits, unkept, foreseen)
}
