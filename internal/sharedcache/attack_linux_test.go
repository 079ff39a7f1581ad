package sharedcache_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/golang/snappy"

	"github.com/heapmage/heapmage/internal/cache"
	"github.com/heapmage/heapmage/internal/envelope"
	"github.com/heapmage/heapmage/internal/filetree"
	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/httpstore"
	"github.com/heapmage/heapmage/internal/objectstore"
	"github.com/heapmage/heapmage/internal/servertest"
	"github.com/heapmage/heapmage/internal/signature"
	"github.com/heapmage/heapmage/internal/testkit"
)

// jobs are those of events in which others' code can run, by their variables. event is what GitHub writes to
// the file of GITHUB_EVENT_PATH.
var jobs = []struct {
	name, event string
	env         []string
}{
	{"pull_request", `{"number": 7, "repository": {"default_branch": "main"}}`, []string{"GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=pull_request", "GITHUB_REF=refs/pull/7/merge"}},
	{"pull_request_target", `{"number": 7, "repository": {"default_branch": "main"}}`, []string{"GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=pull_request_target", "GITHUB_REF=refs/heads/main"}},
	{"workflow_run", `{"repository": {"default_branch": "main"}}`, []string{"GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=workflow_run", "GITHUB_REF=refs/heads/main"}},
	{"issue_comment", `{"repository": {"default_branch": "main"}}`, []string{"GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=issue_comment", "GITHUB_REF=refs/heads/main"}},
	{"a fork's push", `{"ref": "refs/heads/main", "repository": {"default_branch": "main", "fork": true}}`, []string{"GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=push", "GITHUB_REF=refs/heads/main"}},
	{"a merge request", "", []string{"GITLAB_CI=true", "CI_PIPELINE_SOURCE=merge_request_event", "CI_MERGE_REQUEST_IID=7", "CI_COMMIT_REF_PROTECTED=false"}},
	{"a job that says it is main's", `{"ref": "refs/heads/main", "repository": {"default_branch": "main"}}`, []string{"GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=push", "GITHUB_REF=refs/heads/main"}},
}

// TestNoJobOfOthersCodeFeedsMain: whoever has the server's credential, which reads and writes, but not the
// signing key, cannot make a build of the main branch restore his bytes.
func TestNoJobOfOthersCodeFeedsMain(t *testing.T) {
	m, _ := newTeamOn(t, servertest.Turborepo)
	pull, evil := newSecret(t), newSecret(t)
	m.pull = pull
	want := m.alone()
	a := newAttacker(m)
	main := func(t *testing.T) {
		t.Helper()
		c := m.clone()
		c.T = t
		c.env = []string{"GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=push", "GITHUB_REF=refs/heads/main", "GITHUB_EVENT_PATH=" + eventFile(t, `{"ref": "refs/heads/main", "repository": {"default_branch": "main"}}`), "HEAPMAGE_CACHE_WRITE=ci"}
		out := c.build(true)
		if c.same(want); strings.Contains(out, "evil") {
			t.Errorf("%s", out)
		}
		for _, name := range []string{"outside.txt", ".git/hooks/post-checkout", "packages/b/src.txt.evil", "packages/b/evil.js"} {
			if _, err := os.Lstat(filepath.Join(c.root, name)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s is there: %v", name, err)
			}
		}
		if _, err := os.Lstat(filepath.Join(filepath.Dir(c.root), "outside.txt")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a file is there outside of the workspace: %v", err)
		}
	}
	for _, job := range jobs {
		t.Run(job.name, func(t *testing.T) {
			for write, key := range map[string]signature.Secret{"ci": {}, "always": pull} {
				c := m.clone()
				c.T = t
				testkit.WriteAll(t, c.root, map[string]string{"packages/a/src.txt": "evil\n"})
				c.env = append(append([]string{}, job.env...), "HEAPMAGE_CACHE_WRITE="+write, "GITHUB_EVENT_PATH="+eventFile(t, job.event))
				if !key.IsZero() {
					c.env = append(c.env, "HEAPMAGE_CACHE_SIGNING_KEY="+key.Text())
				}
				if out, err := c.try(false); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				if stored := a.trusted(t, c); len(stored) != 0 {
					t.Errorf("write: %s: it has stored %q for all", write, stored)
				}
			}
			main(t)
		})
	}
	for _, attack := range []struct {
		name string
		do   func(t *testing.T, e *cache.Entry)
	}{
		{"direct upload, not signed", func(t *testing.T, e *cache.Entry) { a.upload(t, signature.Secret{}, e, "trusted") }},
		{"signed by another key", func(t *testing.T, e *cache.Entry) { a.upload(t, evil, e, "trusted") }},
		{"signed by the key of pull requests", func(t *testing.T, e *cache.Entry) { a.upload(t, pull, e, "trusted") }},
		{"a result of a pull request's tier", func(t *testing.T, e *cache.Entry) { a.upload(t, pull, e, "pull-7") }},
		{"the true result of another task", func(t *testing.T, e *cache.Entry) {
			other := a.entry(t, "x#build")
			a.put(t, "trusted/results/"+e.Key.String(), a.get(t, "trusted/results/"+other.Key.String()))
		}},
		{"bytes", func(t *testing.T, e *cache.Entry) {
			a.put(t, "trusted/results/"+e.Key.String(), bytes.Repeat([]byte("evil"), 1000))
		}},
	} {
		t.Run(attack.name, func(t *testing.T) {
			for _, task := range []string{"a#build", "b#build"} {
				e := a.entry(t, task)
				defer a.put(t, "trusted/results/"+e.Key.String(), a.get(t, "trusted/results/"+e.Key.String()))
				attack.do(t, e)
			}
			main(t)
		})
	}
	for name, change := range map[string]func(e *hostile){
		"a file outside":              func(e *hostile) { e.file("../outside.txt") },
		"an absolute path":            func(e *hostile) { e.file("/tmp/outside.txt") },
		"a path through ..":           func(e *hostile) { e.file("packages/b/dist/../../../outside.txt") },
		"a hook of Git":               func(e *hostile) { e.file(".git/hooks/post-checkout") },
		"a source of another package": func(e *hostile) { e.file("packages/c/src.txt") },
		"a new file of another package": func(e *hostile) {
			e.file("packages/a/new.txt")
		},
		"a file through a link": func(e *hostile) {
			e.add(`{"path":"packages/b/dist/up","kind":"link","target":"../../.."}`)
			e.file("packages/b/dist/up/outside.txt")
		},
		"a device":           func(e *hostile) { e.add(`{"path":"packages/b/dist/null","kind":"device","mode":438}`) },
		"a mode with setuid": func(e *hostile) { e.add(`{"path":"packages/b/dist/su","kind":"dir","mode":3584}`) },
		"one path twice":     func(e *hostile) { e.file("packages/b/dist/x"); e.file("packages/b/dist/x") },
		"a bomb":             func(e *hostile) { e.size = 1 << 42; e.file("packages/b/dist/bomb") },
		"a negative size":    func(e *hostile) { e.size = -5; e.file("packages/b/dist/neg") },
	} {
		// Even the true key signs it: whoever has that can have main restore what he wants, but not there.
		t.Run("signed by the true key: "+name, func(t *testing.T) {
			e, key := &hostile{task: "b#build", size: 5}, a.entry(t, "b#build").Key
			change(e)
			defer a.put(t, "trusted/results/"+key.String(), a.get(t, "trusted/results/"+key.String()))
			a.send(t, m.key, key, e)
			main(t)
		})
	}
}

// TestTheAttackReaches: what TestNoJobOfOthersCodeFeedsMain does would be seen if it worked.
func TestTheAttackReaches(t *testing.T) {
	m, _ := newTeamOn(t, servertest.Turborepo)
	a := newAttacker(m)
	e := &hostile{task: "d#build", size: 5}
	e.file("packages/d/dist/out.txt")
	a.send(t, m.key, a.entry(t, "d#build").Key, e)
	a.upload(t, m.key, a.entry(t, "x#build"), "trusted")
	c := m.clone()
	c.build(false)
	for _, name := range []string{"packages/d/dist/out.txt", "packages/x/dist/out.txt"} {
		if text := c.outputs()[name]; text != "evil\n" {
			t.Errorf("%s holds %q", name, text)
		}
	}
}

func newSecret(t *testing.T) signature.Secret {
	t.Helper()
	key, err := signature.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// eventFile is a file that GITHUB_EVENT_PATH may name, for one test.
func eventFile(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	testkit.Write(t, dir, "event.json", text)
	return filepath.Join(dir, "event.json")
}

// attacker has the credential of the server, a clone that was built as main builds, and its local cache: so he
// knows all keys.
type attacker struct {
	*testing.T
	store objectstore.Store
	local *cache.Store
	root  string
}

func newAttacker(m *team) *attacker {
	m.Helper()
	clean := m.clone()
	clean.build(true)
	at, err := url.Parse(m.address)
	if err != nil {
		m.Fatal(err)
	}
	store, err := httpstore.OpenTurbo(at, "", m.env)
	if err != nil {
		m.Fatal(err)
	}
	local := cache.In(clean.root)
	m.Cleanup(local.Close)
	return &attacker{T: m.T, store: store, local: local, root: clean.root}
}

// entry is the result of a task in the attacker's clone.
func (a *attacker) entry(t *testing.T, task string) *cache.Entry {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(a.root, ".heapmage/cache/entries/*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		var key cache.Key
		if err := key.UnmarshalText([]byte(strings.TrimSuffix(filepath.Base(name), ".json"))); err != nil {
			t.Fatal(err)
		}
		if e, err := a.local.Get(key); err == nil && e.Task == task {
			return e
		}
	}
	t.Fatalf("there is no result of %s", task)
	return nil
}

// trusted are the results of a clone that are stored for all.
func (a *attacker) trusted(t *testing.T, c *clone) (names []string) {
	t.Helper()
	local, err := filepath.Glob(filepath.Join(c.root, ".heapmage/cache/entries/*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range local {
		key := strings.TrimSuffix(filepath.Base(name), ".json")
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), `"task":"x#build"`) || strings.Contains(string(text), `"task":"y#build"`) {
			continue // they are as main's
		}
		there, err := a.store.Has(t.Context(), "trusted/results/"+key)
		if err != nil {
			t.Fatal(err)
		}
		if there {
			names = append(names, key)
		}
	}
	return names
}

func (a *attacker) get(t *testing.T, name string) []byte {
	t.Helper()
	from, err := a.store.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	text, err := io.ReadAll(from)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (a *attacker) put(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := a.store.Put(t.Context(), name, envelope.Bytes(text)); err != nil {
		t.Fatal(err)
	}
	if got := a.get(t, name); !bytes.Equal(got, text) {
		t.Fatal("the attack did not reach the server")
	}
}

// upload stores what a task is to have left, but evil, made for a tier, as a result for all.
func (a *attacker) upload(t *testing.T, key signature.Secret, of *cache.Entry, tier string) {
	t.Helper()
	dir := t.TempDir()
	var files []filetree.File
	for _, f := range of.Files {
		if f.Kind == filetree.Regular {
			testkit.Write(t, dir, f.Path, "evil\n")
			files = append(files, filetree.File{Path: f.Path})
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	local := cache.In(t.TempDir())
	defer local.Close()
	stored, err := local.Put(t.Context(), cache.Entry{Key: of.Key, Task: of.Task, Files: files}, root, strings.NewReader("evil\n"))
	if err != nil {
		t.Fatal(err)
	}
	packed, err := local.Export(stored.Entry)
	if err != nil {
		t.Fatal(err)
	}
	name := tier + "/results/" + of.Key.String()
	object, err := envelope.Seal(envelope.Header{Name: name}, key, envelope.Bytes(packed.Entry), objectstore.Content{Size: packed.BlobSize, Open: packed.Blob})
	if err != nil {
		t.Fatal(err)
	}
	a.putObject(t, "trusted/results/"+of.Key.String(), object)
}

func (a *attacker) putObject(t *testing.T, name string, object objectstore.Content) {
	t.Helper()
	from, err := object.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	text, err := io.ReadAll(from)
	if err != nil {
		t.Fatal(err)
	}
	a.put(t, name, text)
}

// hostile is an entry that heapmage would never write.
type hostile struct {
	task  string
	size  int64
	files []string
}

func (e *hostile) add(text string) { e.files = append(e.files, text) }

func (e *hostile) file(path string) {
	e.add(fmt.Sprintf(`{"path":%q,"kind":"file","mode":420,"size":%d,"digest":"%x"}`, path, e.size, sha256.Sum256([]byte("evil\n"))))
}

// send stores a hostile entry under a key.
func (a *attacker) send(t *testing.T, key signature.Secret, at cache.Key, e *hostile) {
	t.Helper()
	var blob bytes.Buffer
	w := snappy.NewBufferedWriter(&blob)
	if _, err := w.Write([]byte("heapmage blob 1\n" + strings.Repeat("evil\n", len(e.files)))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	sum := fingerprint.Digest(sha256.Sum256([]byte("heapmage blob 1\n" + strings.Repeat("evil\n", len(e.files)))))
	empty := sha256.Sum256(nil)
	body := fmt.Sprintf(`{"task":%q,"created":"2026-11-26T10:00:00Z","duration":60000000000,"processor":1,"peak":1,"files":[%s],"log":"%x","log_size":0,"blob":%q}`,
		e.task, strings.Join(e.files, ","), empty, sum)
	head, err := json.Marshal(map[string]any{"format": 2, "key": at, "digest": fingerprint.Digest(sha256.Sum256([]byte(body))), "blob": sum, "task": e.task})
	if err != nil {
		t.Fatal(err)
	}
	name := "trusted/results/" + at.String()
	object, err := envelope.Seal(envelope.Header{Name: name}, key, envelope.Bytes(cache.Pack(append(append(head, '\n'), body...))), envelope.Bytes(blob.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	a.putObject(t, name, object)
}
