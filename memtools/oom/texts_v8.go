package oom

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/heapmage/heapmage/memtools"
)

// V8 writes refusedForms where the system refused it a page for its young
// generation, and limitForms where its own limit was met. The rest stand for
// either: an object that could not be promoted.
var (
	refusedForms = []string{"Committing semi space failed", "NewSpace::EnsureCurrentCapacity "}
	limitForms   = []string{"Reached heap limit ", "Ineffective mark-compacts near heap limit ", "CALL_AND_RETRY_LAST "}
)

func hasForm(rest []byte, forms []string) bool {
	what := string(bytes.TrimPrefix(rest, []byte("FATAL ERROR: ")))
	return slices.ContainsFunc(forms, func(form string) bool { return strings.HasPrefix(what, form) })
}

func (s *Scanner) v8Fatal(prefix string, rest []byte) {
	if !bytes.HasSuffix(rest, []byte("JavaScript heap out of memory")) {
		return
	}
	f := s.finding(V8Heap, "", rest)
	f.soft = !hasForm(rest, limitForms)
	if hasForm(rest, refusedForms) {
		f.cause, f.detail = SystemAllocation, "V8: no page for its young generation"
	}
	// V8 writes its last collections above the text and a stack trace below it.
	// Either one under the same prefix tells the death from a quotation.
	if s.collection.before(f.at, window, prefix) {
		f.used = s.collection.value
		s.die(f, prefix)
		return
	}
	if prefix == "" {
		s.found.abort = f
	}
	s.await(f, prefix, isNativeTrace)
}

var traceFrame = regexp.MustCompile(`^\d+: 0x[0-9a-f]+ `)

func isNativeTrace(rest []byte) bool {
	return bytes.Equal(rest, []byte("----- Native stack trace -----")) || traceFrame.Match(rest)
}

// gcLine is a collection as V8 lists it: what was in use, and was left in use.
// V8 may begin or cut the list within a line: it prints a ring buffer.
var gcLine = regexp.MustCompile(`ms: (?:Incremental )?(?:Mark-Compact|Mark-sweep|Scavenge)[^>]{0,60}-> (\d{1,9})\.(\d) \(`)

// heapSize keeps what V8's last collection left in use.
func (s *Scanner) heapSize(line []byte) {
	if s.collection.at == 0 || s.found.lines-s.collection.at > window || !bytes.HasPrefix(line, []byte(s.collection.prefix)) {
		return
	}
	if all := gcLine.FindAllSubmatch(line, -1); len(all) > 0 {
		m := all[len(all)-1]
		tenths, _ := strconv.ParseInt(string(m[1])+string(m[2]), 10, 64) // eleven digits at most
		s.collection.value = memtools.Bytes(tenths) * memtools.MB / 10
	}
}

func (s *Scanner) v8Process(prefix string, rest []byte) {
	_, what, _ := bytes.Cut(rest, []byte("# Fatal process "))
	what = bytes.TrimPrefix(what, []byte("OOM in "))
	s.die(s.finding(SystemAllocation, "V8: "+quote(bytes.TrimPrefix(what, []byte("out of memory: "))), rest), prefix)
}

func (s *Scanner) worker(prefix string, rest []byte) {
	s.die(s.finding(NodeWorker, "", rest), prefix)
}

// workerMessage is the error as test runners print it: the code stands below.
func (s *Scanner) workerMessage(prefix string, rest []byte) {
	s.await(s.finding(NodeWorker, "", rest), prefix, func(rest []byte) bool {
		return bytes.Contains(rest, []byte("code: 'ERR_WORKER_OUT_OF_MEMORY'"))
	})
}

func (s *Scanner) rangeError(prefix string, rest []byte) {
	_, what, _ := strings.Cut(quote(rest), ": ")
	switch what {
	case "Array buffer allocation failed":
		s.await(s.finding(BufferAllocation, "", rest), prefix, isStackFrame)
	case "Invalid array length", "Invalid string length", "Map maximum size exceeded", "Set maximum size exceeded":
		// Only where nothing caught it, which Node's version below the stack says: tests
		// and libraries provoke these.
		s.await(s.finding(EngineLimit, what, rest), prefix, func(rest []byte) bool { return bytes.HasPrefix(rest, []byte("Node.js v")) })
	}
}

func isStackFrame(rest []byte) bool { return bytes.HasPrefix(rest, []byte("at ")) }
