package workspace

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkLoad loads a workspace of 5,000 packages with 10 entries each, 4 of
// them members.
func BenchmarkLoad(b *testing.B) {
	root := b.TempDir()
	write := func(dir, text string) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	const count = 5000
	write(root, `{"name": "root", "workspaces": ["packages/**"]}`)
	for i := range count {
		text := fmt.Sprintf(`{"name": "@acme/p%d", "version": "1.2.0", "scripts": {"build": "tsc -p .", "test": "vitest", "lint": "eslint ."}, "dependencies": {`, i)
		for d := 1; d <= 4; d++ {
			if i >= d*7 {
				text += fmt.Sprintf(`"@acme/p%d": "^1.%d.0", `, i-d*7, d%3)
			}
		}
		text += `"react": "^18.0.0", "zod": "3.x"}, "devDependencies": {"typescript": "~5.9.0", "eslint": ">=8 <10", "vitest": "*", "esbuild": "0.25.0"}}`
		write(filepath.Join(root, "packages", fmt.Sprintf("g%d", i%50), fmt.Sprintf("p%d", i)), text)
	}
	for b.Loop() {
		w, err := Load(root)
		if err != nil || len(w.Packages) != count {
			b.Fatal(err)
		}
	}
}
