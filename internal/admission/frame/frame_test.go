package frame

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

func TestTextsThatAreTooLong(t *testing.T) {
	line, err := Encode(Frame{Type: Ask, Text: strings.Repeat("x", 2*MaxText)})
	if err != nil || len(line) > MaxText+100 {
		t.Errorf("%d bytes, %v", len(line), err)
	}
	if _, err := Encode(Frame{Type: Ask, Folder: strings.Repeat("\x00", Max/6)}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
	longest := `{"type":"wait"}` + strings.Repeat(" ", Max-15)
	if f, err := NewReader(strings.NewReader(longest + "\n" + longest + " \n")).Next(); err != nil || f.Type != Wait {
		t.Errorf("got %+v, %v", f, err)
	}
	if _, err := NewReader(strings.NewReader(longest + " \n")).Next(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}

// FuzzReader: whatever comes, reading ends, and what was read can be sent.
func FuzzReader(f *testing.F) {
	f.Add([]byte(`{"v":1,"type":"ask","event":"build","folder":"/w","text":"tsc","stdin":"null"}` + "\n"))
	f.Add([]byte(`{"type":"run","set":{"A":"b"},"keep":true,"shell":"bash"}` + "\n" + `{"type":"wait","new":[1]}` + "\n"))
	f.Add([]byte(`{"type":"ended","code":1,"signal":9,"maxRSS":1,"user":2,"system":3,"read":true}` + "\n{\n"))
	f.Add([]byte("\xff\n\n{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := NewReader(bytes.NewReader(data))
		for n := 0; ; n++ {
			got, err := in.Next()
			if err != nil {
				break
			}
			if n > len(data) {
				t.Fatal("more frames than bytes")
			}
			line, err := Encode(got)
			if err != nil {
				t.Fatal(err)
			}
			again, err := NewReader(bytes.NewReader(line)).Next()
			if len(got.Set) == 0 {
				got.Set = nil
			}
			if len(got.Text) <= MaxText && (err != nil || !reflect.DeepEqual(again, got)) {
				t.Fatalf("%+v became %+v, %v", got, again, err)
			}
		}
	})
}

func TestTheEndOfAStream(t *testing.T) {
	if _, err := NewReader(strings.NewReader("")).Next(); err != io.EOF {
		t.Errorf("got %v", err)
	}
	if _, err := NewReader(strings.NewReader(`{"type":"en`)).Next(); err == nil {
		t.Error("half a frame is one")
	}
}
