package session

import (
	"reflect"
	"testing"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/memtools"
)

func TestOutbox(t *testing.T) {
	t.Run("emits all in order, however slowly", func(t *testing.T) {
		var emitted []event.Event
		begin := make(chan struct{})
		o := outbox{emit: func(e event.Event) { <-begin; emitted = append(emitted, e) }}
		var want []event.Event
		for n := range 100 {
			want = append(want, event.Sample{Usage: memtools.Bytes(n)})
			o.send(want[n])
		}
		close(begin)
		o.flush()
		if !reflect.DeepEqual(emitted, want) {
			t.Errorf("%+v", emitted)
		}
	})
	t.Run("holds a bounded number of samples, the highest among them", func(t *testing.T) {
		highest, events := memtools.Bytes(0), 0
		begin := make(chan struct{})
		o := outbox{emit: func(e event.Event) {
			<-begin
			events++
			if s, is := e.(event.Sample); is {
				highest = max(highest, s.Usage)
			}
		}}
		for n := range 10_000 {
			o.send(event.Sample{Usage: memtools.Bytes(n * (10_000 - n))})
		}
		close(begin)
		o.flush()
		if highest != 25_000_000 || events > mostWaiting+1 {
			t.Errorf("%d events, the highest %d", events, highest)
		}
	})
}

func TestThinned(t *testing.T) {
	s := func(usage memtools.Bytes) event.Event { return event.Sample{Usage: usage} }
	pressure := event.Pressure{Level: memtools.Warning}
	got := thinned([]event.Event{s(1), s(2), s(4), pressure, s(3), s(5)})
	if want := []event.Event{s(2), s(4), pressure, s(5)}; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}
