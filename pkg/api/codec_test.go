package api

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

func TestFramesAreCutAtTheirNul(t *testing.T) {
	long := strings.Repeat("x", 9000) // longer than the buffer
	for _, test := range []struct {
		name, stream string
		max          int
		frames       []string
		end          error
	}{
		{"nothing", "", 10, nil, io.EOF},
		{"one", "{}\x00", 10, []string{"{}"}, io.EOF},
		{"two at once", "{}\x00[]\x00", 10, []string{"{}", "[]"}, io.EOF},
		{"empty frame", "\x00", 10, []string{""}, io.EOF},
		{"half a frame", "{}\x00{", 10, []string{"{}"}, io.ErrUnexpectedEOF},
		{"as long as allowed", "1234\x00", 4, []string{"1234"}, io.EOF},
		{"one byte over", "12345\x00", 4, nil, ErrTooLarge},
		{"over and without an end", "123456789", 4, nil, ErrTooLarge},
		{"over several buffers", long + "\x00", 9000, []string{long}, io.EOF},
		{"over several buffers and too long", long + "\x00", 8999, nil, ErrTooLarge},
	} {
		t.Run(test.name, func(t *testing.T) {
			reader := NewReader(strings.NewReader(test.stream), test.max)
			var frames []string
			for {
				frame, err := reader.Next()
				if err != nil {
					if !errors.Is(err, test.end) {
						t.Errorf("ended with %v, want %v", err, test.end)
					}
					break
				}
				frames = append(frames, string(frame))
			}
			if !reflect.DeepEqual(frames, test.frames) {
				t.Errorf("frames %q, want %q", frames, test.frames)
			}
		})
	}
}

func TestDecodeIsStrict(t *testing.T) {
	for _, test := range []struct {
		text string
		ok   bool
	}{
		{`{"project":"shop","services":["api"]}`, true},
		{`{}`, true},
		{``, true},
		{`null`, true},
		{`{"project":"shop"} `, true},
		{`{"projet":"shop"}`, false},
		{`{"project":"shop"}{}`, false},
		{`{"project":"shop"}x`, false},
		{`{"project":1}`, false},
		{`[]`, false},
		{`{"project":"shop"`, false},
		{"\xff", false},
	} {
		var stop Stop
		if err := Decode([]byte(test.text), &stop); (err == nil) != test.ok {
			t.Errorf("Decode(%q) = %v, want ok %v", test.text, err, test.ok)
		}
	}
}

func TestNoSliceBecomesNull(t *testing.T) {
	frame, err := Frame(Reply{Result: &Result{Failed: []Diagnostic{{Code: CodeInternal}}}}, MaxReply)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"result":{"ok":false,"message":"","failed":[{"code":"SG0001","title":"","project":"","service":"","notes":[],"evidence":[],"help":[]}],"units":[]}}` + "\x00"
	if string(frame) != want {
		t.Errorf("got  %s\nwant %s", frame, want)
	}
}

func TestMarshalLeavesItsArgumentAlone(t *testing.T) {
	snapshot := &Snapshot{Units: []Unit{{Name: "api"}}}
	text, err := Marshal(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	if snapshot.Units[0].Children != nil {
		t.Error("the caller's slice was written to")
	}
	if !bytes.Contains(text, []byte(`"spawned_children":[]`)) {
		t.Errorf("no empty list in %s", text)
	}
}

func TestFrameOverItsBoundIsRefused(t *testing.T) {
	if _, err := Frame(Stop{Project: "shop"}, 10); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want %v", err, ErrTooLarge)
	}
}

// FuzzCall holds that nothing a client sends can do more than be refused, and
// that what is accepted means the same when it is sent on.
func FuzzCall(f *testing.F) {
	for _, seed := range []string{
		`{"method":"org.systemg.Control.Start","parameters":{"project":"shop"},"more":true}` + "\x00",
		`{"method":"org.varlink.service.GetInfo"}` + "\x00{}\x00",
		"\x00\x00", "{", `{"method":"a","parameters":[1e999]}` + "\x00", `{"oneway":true,"parameters":null}` + "\x00",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		const max = 256
		reader := NewReader(bytes.NewReader(stream), max)
		for {
			frame, err := reader.Next()
			if err != nil {
				return
			}
			if len(frame) > max || bytes.IndexByte(frame, 0) >= 0 {
				t.Fatalf("not a frame: %q", frame)
			}
			checkRoundTrip(t, frame)
		}
	})
}

func checkRoundTrip(t *testing.T, frame []byte) {
	t.Helper()
	var command, again ControlCommand
	if Decode(frame, &command) != nil {
		return
	}
	text, err := Frame(command, MaxCall)
	if err != nil {
		t.Fatalf("decoded %q but cannot encode it: %v", frame, err)
	}
	if err := Decode(text[:len(text)-1], &again); err != nil {
		t.Fatalf("encoded %q but cannot decode it: %v", text, err)
	}
	if again.Method != command.Method || again.More != command.More || again.OneWay != command.OneWay {
		t.Fatalf("%+v came back as %+v", command, again)
	}
	var start Start
	_ = Decode(command.Parameters, &start) // must not panic
}
