package oom

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/heapmage/heapmage/internal/lazyregexp"
	"github.com/heapmage/heapmage/memtools"
)

// V8 writes refusedForms if the system refused it a page for its young generation,
// and limitForms if it met its heap limit. Other forms may mean either: an object
// could not be promoted.
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
	f.aborts = true
	f.soft = !hasForm(rest, limitForms)
	if hasForm(rest, refusedForms) {
		f.cause, f.detail = SystemAllocation, "V8: no page for its young generation"
	}
	// V8 writes its last collections above the text and a stack trace below it. Either
	// one with the same prefix tells a death from a mention.
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

var traceFrame = lazyregexp.New(`^\d+: 0x[0-9a-f]+ `)

func isNativeTrace(rest []byte) bool {
	return bytes.Equal(rest, []byte("----- Native stack trace -----")) || traceFrame().Match(rest)
}

// gcLine is a collection as V8 lists it: the memory in use before and after. The list
// may start or end within a line, as V8 prints a ring buffer.
var gcLine = lazyregexp.New(`ms: (?:Incremental )?(?:Mark-Compact|Mark-sweep|Scavenge)[^>]{0,60}-> (\d{1,9})\.(\d) \(`)

// heapSize notes what V8's last collection left in use.
func (s *Scanner) heapSize(line []byte) {
	if s.collection.at == 0 || s.found.lines-s.collection.at > window || !bytes.HasPrefix(line, []byte(s.collection.prefix)) {
		return
	}
	if all := gcLine().FindAllSubmatch(line, -1); len(all) > 0 {
		m := all[len(all)-1]
		tenths, _ := strconv.ParseInt(string(m[1])+string(m[2]), 10, 64) // eleven digits at most
		s.collection.value = memtools.Bytes(tenths) * memtools.MB / 10
	}
}

func (s *Scanner) v8Process(prefix string, rest []byte) {
	_, what, _ := bytes.Cut(rest, []byte("# Fatal process "))
	what = bytes.TrimPrefix(what, []byte("OOM in "))
	f := s.finding(SystemAllocation, "V8: "+quote(bytes.TrimPrefix(what, []byte("out of memory: "))), rest)
	f.aborts = true
	s.die(f, prefix)
}

func (s *Scanner) worker(prefix string, rest []byte) {
	s.die(s.finding(NodeWorker, "", rest), prefix)
}

// workerMessage takes the error as test runners print it, with its code below.
func (s *Scanner) workerMessage(prefix string, rest []byte) {
	s.await(s.finding(NodeWorker, "", rest), prefix, func(rest []byte) bool {
		return bytes.Contains(rest, []byte("ERR_WORKER_OUT_OF_MEMORY"))
	})
}

// jestLost is all that Jest writes about a worker thread that V8 ended for its heap. It
// stands alone on its line, indented below the name of a test.
var jestLost = []byte("Jest worker ran out of memory and crashed")

func (s *Scanner) jestWorker(line []byte) {
	before, ok := bytes.CutSuffix(line, jestLost)
	if !ok {
		return
	}
	before = bytes.TrimSuffix(before, []byte("Error: "))
	if before = bytes.TrimRight(before, " \t"); len(before) == 0 || prefixed(append(bytes.Clone(before), ' ')) {
		s.die(s.finding(NodeWorker, "", jestLost), string(before))
	}
}

func (s *Scanner) rangeError(prefix string, rest []byte) {
	_, what, _ := strings.Cut(quote(rest), ": ")
	switch what {
	case "Array buffer allocation failed":
		s.await(s.finding(BufferAllocation, "", rest), prefix, isStackFrame)
	case "Invalid array length", "Invalid string length", "Map maximum size exceeded", "Set maximum size exceeded":
		// Tests and libraries provoke these, so it counts only if nothing caught it: then
		// Node writes its version below the stack.
		s.await(s.finding(EngineLimit, what, rest), prefix, func(rest []byte) bool { return bytes.HasPrefix(rest, []byte("Node.js v")) })
	}
}

func isStackFrame(rest []byte) bool { return bytes.HasPrefix(rest, []byte("at ")) }
