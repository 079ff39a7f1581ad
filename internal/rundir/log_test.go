package rundir

import "testing"

// TestReadWhileItCloses: the console may be in the middle of a log when its attempt ends.
func TestReadWhileItCloses(t *testing.T) {
	r, _ := Open(t.TempDir(), "01")
	defer r.Close()
	l := r.Log("a#build", 1)
	_, _ = l.Write([]byte("first second"))
	from, err := r.Read(l.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	l.Close()
	text := make([]byte, 6)
	if _, err := from.ReadAt(text, 6); err != nil || string(text) != "second" {
		t.Errorf("%q, %v", text, err)
	}
}
