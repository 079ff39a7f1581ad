package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var events []Stamped
	for n, l := range bytes.Split(text, []byte("\n")) {
		if len(bytes.TrimSpace(l)) == 0 {
			continue
		}
		var s Stamped
		err := json.Unmarshal(l, &s)
		switch last := bytes.Count(text, []byte("\n")) == n; {
		case err == nil:
			events = append(events, s)
		case errors.Is(err, errUnknown), last:
		default:
			return upgrade(events), fmt.Errorf("line %d: %w", n+1, err)
		}
	}
	return upgrade(events), nil
}
