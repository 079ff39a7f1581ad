package archtest

import (
	"fmt"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"testing"
)

// largest is the most code lines of a package: more is hard to keep in mind, and
// a sign of two subjects.
const largest = 1500

// large are packages that may be larger, and why.
var large = map[string]string{}

func TestPackageSizes(t *testing.T) {
	lines, err := codeLines(loaded(t).packages)
	if err != nil {
		t.Fatal(err)
	}
	report(t, checkSizes(lines, large))
}

func checkSizes(lines map[string]int, large map[string]string) (faults []string) {
	for name, n := range lines {
		if _, may := large[name]; n > largest && !may {
			faults = append(faults, fmt.Sprintf("%s has more than %d code lines", name, largest))
		}
	}
	for name := range large {
		if lines[name] <= largest {
			faults = append(faults, fmt.Sprintf("%s has no more than %d code lines: remove it from large", name, largest))
		}
	}
	return faults
}

// codeLines counts the lines with code of each package for all systems, without
// tests: blank lines and comments are free.
func codeLines(packages []*pkg) (map[string]int, error) {
	lines := map[string]int{}
	for _, p := range packages {
		for _, name := range append(p.GoFiles, p.IgnoredGoFiles...) {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				return nil, err
			}
			lines[p.name] += linesWithCode(text)
		}
	}
	return lines, nil
}

func linesWithCode(text []byte) int {
	file := token.NewFileSet().AddFile("", -1, len(text))
	var s scanner.Scanner
	s.Init(file, text, nil, 0) // without comments
	with := map[int]bool{}
	for {
		at, tok, literal := s.Scan()
		if tok == token.EOF {
			return len(with)
		}
		if tok == token.SEMICOLON && literal == "\n" {
			continue // put in by the scanner
		}
		first := file.Line(at)
		for n := range max(1, lineCount(literal)) { // raw strings span lines
			with[first+n] = true
		}
	}
}

func lineCount(literal string) int {
	n := 1
	for _, r := range literal {
		if r == '\n' {
			n++
		}
	}
	return n
}
