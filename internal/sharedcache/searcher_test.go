package sharedcache

import (
	"strings"
	"testing"
)

func TestSearcher(t *testing.T) {
	secret, path := Hidden{Text: "abcdef"}, Hidden{Text: "/app", Path: true}
	for text, want := range map[string]int64{
		"":                                      -1,
		"abcdef":                                0,
		"..........abcdef....":                  10,
		"xabcdefx":                              1,
		"abcdeabcdef":                           5,
		"abcde":                                 -1,
		"/app":                                  0,
		"at /app/src/a.ts":                      3,
		"file:///app/a":                         7,
		"\"/app\"":                              1,
		"src/app/a.ts":                          -1,
		"../app":                                -1,
		"@/app/x":                               -1,
		"/apple, /app.js":                       -1,
		"src/app /app":                          8,
		strings.Repeat("src/app ", 50) + "/app": 400,
	} {
		for pieces := 1; pieces <= 5; pieces++ {
			s := &searcher{needles: []Hidden{secret, path}}
			for rest := text; rest != ""; {
				n := min(pieces, len(rest))
				_, _ = s.Write([]byte(rest[:n]))
				rest = rest[n:]
			}
			s.look(true)
			if s.found == nil {
				s.at = -1
			}
			if s.at != want {
				t.Errorf("%.40q in pieces of %d: at %d, want %d", text, pieces, s.at, want)
			}
		}
		s := &searcher{needles: []Hidden{secret, path}}
		_, _ = s.Write([]byte(text))
		if s.look(true); (s.found != nil) != (want >= 0) {
			t.Errorf("%.40q whole: %v", text, s.found)
		}
	}
}
