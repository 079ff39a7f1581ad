package report

import (
	"os"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/tally"
)

// TestReplay: a record gives the text that its run printed. This one has the earlier
// format, in which the memory after a task was a separate event.
func TestReplay(t *testing.T) {
	record, err := os.Open("testdata/format1/events.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer record.Close()
	events, err := event.Decode(record)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/format1/console.txt")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	c := NewConsole(t.Context(), &b, false, Held)
	sink := tally.NewSink(c)
	for _, e := range events {
		sink.Take(e)
	}
	closed(t, c)
	if b.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}
