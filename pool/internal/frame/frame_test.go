package frame

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

func TestFrameSurvivesTheRoundTrip(t *testing.T) {
	for _, f := range []Frame{
		{Kind: Ready, V: 1},
		{Kind: Task, ID: 7, Type: "a \"quoted\"\ntype é", Data: json.RawMessage(`{"a":[1,2.5e-3,null,true,"\u00e9\\"]}`)},
		{Kind: Cancel, ID: 1 << 50},
		{Kind: Result, ID: 2, Result: json.RawMessage(`"x"`)},
		{Kind: Failed, ID: 3, Error: "no\tway", Detail: json.RawMessage(`{"stack":"…"}`)},
	} {
		line := f.Append(nil)
		if bytes.IndexByte(line, '\n') != len(line)-1 {
			t.Errorf("not one line: %q", line)
		}
		got, err := Parse(line)
		if err != nil || !reflect.DeepEqual(got, f) {
			t.Errorf("%+v came back as %+v, %v", f, got, err)
		}
	}
}

func TestParse(t *testing.T) {
	for _, line := range []string{
		``, `null`, `[]`, `{}`, `{"kind":"task"`, `{"kind":"task"}}`, `{"kind":7}`, `{"kind":""}`, `{"id":1}`,
		`{"kind":"task","id":-1}`, `{"kind":"task","id":1.5}`, `{"kind":"task","id":"1"}`, `{"kind":"task","id":99999999999999999999}`,
		`{"kind":"result","result":{oops}}`, `{"kind":"result","result":01}`, `{"kind":"result","result":"` + "\x01" + `"}`,
		`{"kind":"result","result":"\x"}`, `{"kind":"result",}`, `{"kind":"result" "id":1}`,
		`{"kind":"result","result":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`,
	} {
		if f, err := Parse([]byte(line)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.60q is %+v, %v", line, f, err)
		}
	}
	t.Run("ignores unknown fields and white space", func(t *testing.T) {
		f, err := Parse([]byte(" { \"new\" : [ { } , [ ] , -0.5E+7 ] , \"id\" : 5 , \"kind\" : \"result\" , \"result\" : [ 1 ] } \r\n"))
		if err != nil || f.Kind != Result || f.ID != 5 || string(f.Result) != "[ 1 ]" {
			t.Errorf("got %+v, %v", f, err)
		}
	})
}

func TestDecoder(t *testing.T) {
	large := `{"kind":"result","id":2,"result":"` + strings.Repeat("x", 600<<10) + `"}`
	stream := "{\"kind\":\"ready\",\"v\":1}\n\n  \n" + large + "\n{\"kind\":\"task\",\"id\":3}\nnonsense\n" + large + "\n{\"kind\":\"cancel\",\"id\":4}"
	for name, r := range map[string]io.Reader{
		"in large pieces": strings.NewReader(stream),
		"byte by byte":    iotest.OneByteReader(strings.NewReader(stream)),
		"with its end":    iotest.DataErrReader(strings.NewReader(stream)),
	} {
		t.Run("reads frames "+name, func(t *testing.T) {
			d := NewDecoder(r, 1<<20)
			var kept []Frame
			for _, want := range []Kind{Ready, Result, Task, "", Result} {
				f, err := d.Next()
				if (want == "") != errors.Is(err, ErrMalformed) || f.Kind != want {
					t.Fatalf("got %q, %v; want %q", f.Kind, err, want)
				}
				kept = append(kept, f)
			}
			if _, err := d.Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("half a frame at the end: %v", err)
			}
			if !bytes.Equal(kept[1].Result, kept[4].Result) || len(kept[1].Result) != 600<<10+2 {
				t.Error("an earlier frame was written over")
			}
		})
	}
	t.Run("ends at a frame that is too large, without reading it", func(t *testing.T) {
		endless := io.MultiReader(strings.NewReader(`{"kind":"result","result":"`), zeros{})
		d := NewDecoder(endless, 1<<16)
		for range 2 {
			if _, err := d.Next(); !errors.Is(err, ErrTooLarge) {
				t.Errorf("got %v", err)
			}
		}
	})
	t.Run("takes a frame of just the size", func(t *testing.T) {
		line := `{"kind":"ready"}`
		if _, err := NewDecoder(strings.NewReader(line+"\n"), len(line)).Next(); err != nil {
			t.Error(err)
		}
		if _, err := NewDecoder(strings.NewReader(line+"\n"), len(line)-1).Next(); !errors.Is(err, ErrTooLarge) {
			t.Errorf("one byte less: %v", err)
		}
	})
	t.Run("ends at the end", func(t *testing.T) {
		if _, err := NewDecoder(strings.NewReader("\n"), 0).Next(); !errors.Is(err, io.EOF) {
			t.Errorf("got %v", err)
		}
	})
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = '0'
	}
	return len(b), nil
}

// FuzzParse compares the scanner with encoding/json.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"kind":"ready","v":1}`, `{"kind":"task","id":1,"type":"t","data":{"a":[1,-2.5e+3,"\u00e9\ud800",null]}}`,
		`{"kind":"error","id":1,"error":"no","detail":{"stack":"x"}}`, `{"kind":"cancel","id":9007199254740991}`,
		`{"kind":"result","id":1,"result":[[],{},"",0,-0,0.0]}`, `{"kind":null}`, `{"KIND":"x","kind":"y","kind":"z"}`, `{"kind":"a` + "\xff" + `"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		got, err := Parse(line)
		if err != nil {
			return
		}
		if !json.Valid(line) {
			t.Fatalf("%q was taken, and is not JSON", line)
		}
		var fields map[string]json.RawMessage // exact names, the last of equal ones
		if err := json.Unmarshal(line, &fields); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		var kind Kind
		_ = json.Unmarshal(fields["kind"], &kind)
		if kind == "" && got.Kind == "" {
			t.Fatalf("%q has no kind", line)
		}
		for name, raw := range map[string]json.RawMessage{"data": got.Data, "result": got.Result, "detail": got.Detail} {
			if !bytes.Equal(raw, fields[name]) {
				t.Fatalf("%q: %s is %q, want %q", line, name, raw, fields[name])
			}
		}
		if raw := fields["id"]; raw != nil {
			var id uint64
			if json.Unmarshal(raw, &id) != nil || id != got.ID {
				t.Fatalf("%q: id %d", line, got.ID)
			}
		}
	})
}

// FuzzDecoder reads any stream, whose frames are small.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte("{\"kind\":\"ready\"}\n{\"kind\":\"task\",\"id\":1}\n"), 64)
	f.Add([]byte("\n\n\x00{\n"), 3)
	f.Fuzz(func(t *testing.T, stream []byte, most int) {
		d := NewDecoder(iotest.HalfReader(bytes.NewReader(stream)), most%1024)
		frames := 0
		for {
			_, err := d.Next()
			if err == nil || errors.Is(err, ErrMalformed) {
				if frames++; frames > len(stream) {
					t.Fatal("more frames than bytes")
				}
				continue
			}
			if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, ErrTooLarge) {
				t.Fatal(err)
			}
			return
		}
	})
}

func BenchmarkParseMegabyte(b *testing.B) {
	line := Frame{Kind: Result, ID: 1, Result: json.RawMessage(`"` + strings.Repeat("x", 1<<20) + `"`)}.Append(nil)
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if _, err := Parse(line); err != nil {
			b.Fatal(err)
		}
	}
}

func TestAllPlain(t *testing.T) {
	for _, around := range []byte{0x20, '!', 'x', 0x7f, 0x80, 0xff} {
		for at := range 8 {
			for c := range 256 {
				b := bytes.Repeat([]byte{around}, 8)
				b[at] = byte(c)
				if got := allPlain(binary.LittleEndian.Uint64(b)); got != plain[c] {
					t.Fatalf("%q: got %v", b, got)
				}
			}
		}
	}
}

// slow is a reader that has nothing at every other time.
type slow struct {
	io.Reader
	late bool
}

func (s *slow) Read(b []byte) (int, error) {
	if s.late = !s.late; s.late {
		return 0, os.ErrDeadlineExceeded
	}
	return s.Reader.Read(b[:min(len(b), 7)])
}

func TestDecoderGoesOnAfterATimeout(t *testing.T) {
	long := strings.Repeat("x", 3*Large)
	in := NewDecoder(&slow{Reader: strings.NewReader(`{"kind":"a"}` + "\n" + `{"kind":"b","type":"` + long + `"}` + "\n" + `{"kind":"c"}` + "\n")}, 0)
	var kinds string
	waited := 0
	for {
		f, err := in.Next()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			waited++
			continue
		}
		if err != nil {
			if !errors.Is(err, io.EOF) || kinds != "abc" || waited < len(long)/7 {
				t.Errorf("%v after the frames %q and %d times without one", err, kinds, waited)
			}
			return
		}
		kinds += string(f.Kind)
		if f.Kind == "b" && f.Type != long {
			t.Error("the long frame is broken")
		}
	}
}
