package event

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"time"
)

// kinds maps the name of each event type in JSON to a zero value of it.
var kinds = func() map[string]reflect.Type {
	m := map[string]reflect.Type{}
	for _, e := range []Event{
		RunStarted{}, RunPlanned{}, RunFinished{}, StepStarted{}, StepFinished{},
		TaskQueued{}, TaskStarted{}, TaskFinished{}, TaskSkipped{}, TaskKnown{}, Notice{},
		Memory{}, Sample{}, Pressure{}, Correction{}, Cgroups{}, GCStarted{}, GCFinished{},
	} {
		m[e.kind()] = reflect.TypeOf(e)
	}
	return m
}()

// line is the form of a Stamped in events.jsonl: one JSON object a line. Readers
// ignore fields and types that they do not know.
type line struct {
	Seq  int             `json:"seq"`
	Time time.Time       `json:"time"`
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

// MarshalJSON writes the event with its number, time and type.
func (s Stamped) MarshalJSON() ([]byte, error) {
	data, err := json.Marshal(s.Event)
	if err != nil {
		return nil, err
	}
	return json.Marshal(line{s.Seq, s.Time, s.kind(), data})
}

// errUnknown marks an event of a later version.
var errUnknown = errors.New("unknown event type")

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Stamped) UnmarshalJSON(text []byte) error {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return err
	}
	t, ok := kinds[l.Type]
	if !ok {
		return fmt.Errorf("%w %q", errUnknown, l.Type)
	}
	v := reflect.New(t)
	if err := json.Unmarshal(l.Data, v.Interface()); err != nil {
		return fmt.Errorf("event %d (%s): %w", l.Seq, l.Type, err)
	}
	s.Seq, s.Time, s.Event = l.Seq, l.Time, v.Elem().Interface().(Event)
	return nil
}

// Decode reads a recorded run of any format. Unknown event types are left out, and
// so is a last line that was cut short. Any other damage is an error that names the
// line; the events before it are returned too.
func Decode(r io.Reader) ([]Stamped, error) {
	var events []Stamped
	for s, err := range Scan(r) {
		if err != nil {
			return upgrade(events), err
		}
		events = append(events, s)
	}
	return upgrade(events), nil
}

// longestLine bounds a line of a record, in bytes. Those of heapmage are below 1 MB.
const longestLine = 64 << 20

// Scan is Decode for a record of any length: it yields one event at a time. Those of version 1
// come as they were recorded, with the memory around a task in events of its own. An error is
// the last that it yields.
func Scan(r io.Reader) iter.Seq2[Stamped, error] {
	return func(yield func(Stamped, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, longestLine)
		lines.Split(splitLines)
		n := 0
		for lines.Scan() {
			n++
			l := lines.Bytes()
			if len(bytes.TrimSpace(l)) == 0 {
				continue
			}
			var s Stamped
			err := s.UnmarshalJSON(l)
			switch cut := l[len(l)-1] != '\n'; {
			case err == nil:
				if !yield(s, nil) {
					return
				}
			case errors.Is(err, errUnknown), cut:
			default:
				yield(Stamped{}, fmt.Errorf("line %d: %w", n, err))
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(Stamped{}, fmt.Errorf("line %d: %w", n+1, err))
		}
	}
}

// splitLines is bufio.ScanLines that leaves each line its end, so that a cut one shows.
func splitLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if at := bytes.IndexByte(data, '\n'); at >= 0 {
		return at + 1, data[:at+1], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}
