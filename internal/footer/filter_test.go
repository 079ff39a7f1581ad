package footer

import (
	"bytes"
	"testing"
)

func TestFilter(t *testing.T) {
	for _, tt := range []struct{ claim, text, want string }{
		{"keeps text, colours and what stays in the line", "a\t\x1b[1;38:5:9mb\x1b[0m\x1b[2K\r漢\b\a\n", "a\t\x1b[1;38:5:9mb\x1b[0m\x1b[2K\r漢\b\a\n"},
		{"drops what moves the cursor, clears or sets modes", "a\x1b[2J\x1b[H\x1b[3A\x1bM\x1bc\x1b7\x1b[?25l\x1b[?1049hb\v\f\x0e\x7f", "ab"},
		{"drops what sets modes of the keyboard and ends like a colour", "a\x1b[>4;1mb\x1b[?4mc", "abc"},
		{"drops titles and other strings", "a\x1b]0;title\ab\x1b]8;;x\x1b\\c\x1bP1$q\x1b\\d", "abcd"},
		{"drops sets of characters", "a\x1b(0b", "ab"},
		{"drops control characters beyond ASCII", "a\u009b2Jb°\u00a0", "a2Jb°\u00a0"},
		{"drops their bytes alone, which the oldest encodings take for the same", "a\x9b2Jb\x9d0;c雛", "a2Jb0;c雛"},
		{"takes a sequence that another interrupts for the other", "a\x1b\x1b[2Jb\x1b[3\x1b[31mc\x1b[1\x18d\x1b]0;t\x1ae", "ab\x1b[31mcde"},
		{"takes no text behind a short sequence for a string", "a\x1b ]b\x1b(Xc", "abc"},
		{"loses no line to a sequence that was cut", "a\x1b]0;title\nb\x1b[3\nc\x1b\nd", "a\nb\nc\nd"},
		{"makes no character of what stood around something dropped", "\xc2\x1b\xa1\xa6a \xe6\xbc\x1b[2J\xa2b \xf0\x80\xa6\xa6\xa6c \xe6\u009b\xbc\xa2d", "\xc2a \xe6\xbcb \xf0c \xe6d"},
		{"leaves a character cut by what it keeps", "\xc2\x1b[31m\xa6\t\xa6", "\xc2\x1b[31m\xa6\t\xa6"},
		{"leaves what is no UTF-8", "a\xff\xc2\xe6\xbcb", "a\xff\xc2\xe6\xbcb"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			for at := range len(tt.text) {
				var whole bytes.Buffer
				var f filter
				f.add(&whole, []byte(tt.text[:at]))
				f.add(&whole, []byte(tt.text[at:]))
				if whole.String() != tt.want {
					t.Fatalf("%q, cut at %d, becomes %q, want %q", tt.text, at, whole.String(), tt.want)
				}
			}
		})
	}
}
