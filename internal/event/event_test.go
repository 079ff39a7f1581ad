package event

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

func TestEveryEventSurvivesTheRecord(t *testing.T) {
	for name, typ := range kinds {
		t.Run(name, func(t *testing.T) {
			v := reflect.New(typ).Elem()
			fill(v)
			want := Stamped{Seq: 7, Time: time.Unix(1700000000, 5).UTC(), Event: v.Interface().(Event)}
			text, err := json.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Decode(strings.NewReader(string(text) + "\n"))
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != 1 || !reflect.DeepEqual(got[0], want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// fill sets a value, and everything in it, to something other than zero.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(2)
	case reflect.Float64:
		v.SetFloat(2)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	default:
		panic("fill does not know this kind of value: " + v.Kind().String())
	}
}

func TestDecode(t *testing.T) {
	const good = `{"seq":1,"time":"2026-01-02T03:04:05Z","type":"memory","data":{"moment":"tick","usage":5,"budget":10}}` + "\n"
	for _, tt := range []struct {
		claim, text string
		events      int
		fails       bool
	}{
		{"leaves out a type of a newer version", good + `{"seq":2,"type":"teleported","data":{}}` + "\n" + good, 2, false},
		{"leaves out a last line that was cut short", good + `{"seq":2,"ty`, 1, false},
		{"refuses damage in the middle", good + "garbage\n" + good, 1, true},
		{"reads nothing from nothing", "", 0, false},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			got, err := Decode(strings.NewReader(tt.text))
			if len(got) != tt.events || (err != nil) != tt.fails {
				t.Errorf("got %d events, error %v", len(got), err)
			}
		})
	}
}

// TestEventsPage: docs/events.md names every type and every field.
func TestEventsPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, typ := range kinds {
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("no row for %s", name)
		}
		for i := range typ.NumField() {
			field, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if field != "" && !strings.Contains(string(page), "`"+field+"`") {
				t.Errorf("%s: %s is not mentioned", name, field)
			}
		}
	}
}

type collect []Stamped

func (c *collect) Take(s Stamped) { *c = append(*c, s) }

func TestStreamKeepsOneOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a, b collect
		s := NewStream(time.Now, &a, &b)
		for i := range 50 {
			go s.Emit(Memory{Moment: AtTick, Usage: memtools.Bytes(i)})
		}
		synctest.Wait()
		for i := range a {
			if a[i].Seq != i+1 || !reflect.DeepEqual(a[i], b[i]) {
				t.Fatalf("event %d: %+v beside %+v", i, a[i], b[i])
			}
		}
		if len(a) != 50 {
			t.Errorf("%d events", len(a))
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(`{"seq":1,"time":"2026-01-02T03:04:05Z","type":"memory","data":{"moment":"tick"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = Decode(strings.NewReader(text)) // must not panic
	})
}
