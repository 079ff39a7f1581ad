package sharedcache

import "bytes"

// Hidden is a text that must not leave this machine.
type Hidden struct {
	Text string
	// What it is, for people, such as "the path of the workspace".
	What string
	// Path is set for a path. It counts only where no longer name goes around it: "/app" is not in "src/app"
	// nor in "/apple".
	Path bool
}

// searcher is a writer that finds texts in what is written. At the end, look for the last time.
type searcher struct {
	needles []Hidden
	window  []byte // the end of what was written, in which a text may have begun, with the byte before it
	written int64
	found   *Hidden // the first one, which was at a place
	at      int64
}

func (s *searcher) Write(p []byte) (int, error) {
	s.window = append(s.window, p...)
	s.written += int64(len(p))
	s.look(false)
	longest := 0
	for _, needle := range s.needles {
		longest = max(longest, len(needle.Text))
	}
	s.window = append(s.window[:0], s.window[max(0, len(s.window)-longest-1):]...)
	return len(p), nil
}

// look looks for texts that are whole in the window. Unless it is the last one, a byte follows each.
func (s *searcher) look(last bool) {
	began := s.written - int64(len(s.window))
	for i, needle := range s.needles {
		for at := 0; s.found == nil; at++ {
			next := bytes.Index(s.window[at:], []byte(needle.Text))
			if next < 0 {
				break
			}
			at += next
			end := at + len(needle.Text)
			switch {
			case at == 0 && began > 0: // it was seen with the byte before it
			case end == len(s.window) && !last: // it will be seen with the byte after it
			case needle.Path && (at > 0 && inName(s.window[at-1]) || end < len(s.window) && inName(s.window[end])):
			default:
				s.found, s.at = &s.needles[i], began+int64(at)
			}
		}
	}
}

// inName reports whether a byte can be in the name of a file, or begins an alias of a folder ("@/app").
func inName(b byte) bool {
	return b >= 0x80 || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || bytes.IndexByte([]byte("._-@~"), b) >= 0
}
