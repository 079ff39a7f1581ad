package folder

import (
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
