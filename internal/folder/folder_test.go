package folder

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"full": "abc", "empty": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name       string
		has, file  bool
		text, head string
		readable   bool
	}{
		{"full", true, true, "abc", "ab", true},
		{"empty", true, true, "", "", true},
		{"sub", true, false, "", "", false},
		{"gone", false, false, "", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text, head := Read(dir, tt.name), Head(dir, tt.name, 2)
			if Has(dir, tt.name) != tt.has || HasFile(dir, tt.name) != tt.file {
				t.Error(Has(dir, tt.name), HasFile(dir, tt.name))
			}
			if string(text) != tt.text || (text != nil) != tt.readable || string(head) != tt.head {
				t.Errorf("%q, %q", text, head)
			}
		})
	}
}

func TestOnlyFilesOfBoundedSizeAreRead(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(at("large"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(at("large"), 1<<40); err != nil {
		t.Skip(err)
	}
	for from, to := range map[string]string{"null": os.DevNull, "zero": "/dev/zero", "sub-link": dir, "nowhere": at("gone")} {
		if err := os.Symlink(to, at(from)); err != nil {
			t.Skip(err)
		}
	}
	for name, want := range map[string]error{
		"large": ErrTooLarge, "zero": ErrNotFile, "sub-link": ErrNotFile, "nowhere": os.ErrNotExist, "null": nil,
	} {
		if name == "zero" && os.DevNull != "/dev/null" {
			continue
		}
		text, err := ReadFile(at(name))
		if !errors.Is(err, want) || len(text) > 0 {
			t.Errorf("%s: %d bytes, %v", name, len(text), err)
		}
		if err != nil && Hint(err) == "" {
			t.Errorf("%s: no hint", name)
		}
	}
	if got := Head(dir, "zero", 10); got != nil {
		t.Errorf("the head of zero is %q", got)
	}
}
