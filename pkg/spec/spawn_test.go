package spec

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"
)

func someSpawn() Spawn {
	return Spawn{Name: "worker-1", Argv: []string{"sh", "-c", "exit 3"}, TTL: time.Minute, Dir: "/srv", Env: []string{"A=1", "B="}, ParentPID: 7}
}

func TestSpawnComesBackAsItWent(t *testing.T) {
	for _, want := range []Spawn{someSpawn(), {Name: "x", Argv: []string{"true"}}} {
		frame, err := EncodeSpawn(&want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DecodeSpawn(frame); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s\ngot %+v, %v", frame, got, err)
		}
	}
	for _, want := range []SpawnReply{{PID: 4, Incarnation: someRun}, {Error: "no", Limit: "depth"}} {
		frame, err := EncodeSpawnReply(want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DecodeSpawnReply(frame); err != nil || got != want {
			t.Errorf("%s\ngot %+v, %v", frame, got, err)
		}
	}
	frame, err := EncodeSpawnReply(SpawnReply{Error: strings.Repeat("x", 2*maxDetail)})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecodeSpawnReply(frame); err != nil || len(got.Error) > maxDetail {
		t.Errorf("a long error: %v", err)
	}
}

func TestSpawnsThatAreRefused(t *testing.T) {
	for name, frame := range map[string]string{
		"no command":             `{"name":"x","argv":[]}`,
		"an empty program":       `{"name":"x","argv":[""]}`,
		"no name":                `{"argv":["true"]}`,
		"a name with a slash":    `{"name":"../x","argv":["true"]}`,
		"a NUL":                  `{"name":"x","argv":["a\u0000b"]}`,
		"a NUL in the directory": `{"name":"x","argv":["a"],"dir":"/\u0000"}`,
		"a relative directory":   `{"name":"x","argv":["a"],"dir":"srv"}`,
		"a negative ttl":         `{"name":"x","argv":["a"],"ttl":-1}`,
		"a negative parent":      `{"name":"x","argv":["a"],"parent_pid":-1}`,
		"a variable of nothing":  `{"name":"x","argv":["a"],"env":["A"]}`,
		"a variable of no name":  `{"name":"x","argv":["a"],"env":["=1"]}`,
		"long arguments":         `{"name":"x","argv":["` + strings.Repeat("x", MaxChildArgs) + `"]}`,
		"many variables":         `{"name":"x","argv":["a"],"env":["A=1"` + strings.Repeat(`,"A=1"`, maxSpawnEnv) + `]}`,
		"a user":                 `{"name":"x","argv":["a"],"user":"root"}`,
		"a key twice":            `{"name":"x","argv":["a"],"argv":["b"]}`,
		"garbage":                "\x00",
	} {
		if s, err := DecodeSpawn([]byte(frame)); err == nil || !reflect.DeepEqual(s, Spawn{}) {
			t.Errorf("%s: got %+v, %v", name, s, err)
		}
	}
	for name, frame := range map[string]string{
		"neither": `{}`, "both": `{"pid":1,"incarnation":"` + someRun + `","error":"x"}`, "half": `{"pid":1}`,
	} {
		if r, err := DecodeSpawnReply([]byte(frame)); err == nil {
			t.Errorf("%s: got %+v", name, r)
		}
	}
}

// The largest record of a child fits into a frame, or nobody could be told.
func TestTheLargestChildFitsInAFrame(t *testing.T) {
	child := someChild()
	child.Child.Argv = []string{strings.Repeat("\x01", (MaxChildArgs-4)/6)}
	child.Cgroup = strings.Repeat("x", maxPath)
	if _, err := EncodeReply(&Reply{Spawned: &Spawned{Record: child}}); err != nil {
		t.Error(err)
	}
	child.Child.Argv[0] += "\x01"
	if _, err := EncodeReply(&Reply{Spawned: &Spawned{Record: child}}); err == nil {
		t.Error("one argument more was accepted")
	}
}

func FuzzDecodeSpawn(f *testing.F) {
	s := someSpawn()
	frame, _ := EncodeSpawn(&s)
	f.Add(frame)
	f.Add([]byte(`{"name":"x","argv":["a"],"env":["A=1"]}`))
	f.Fuzz(func(t *testing.T, frame []byte) {
		s, err := DecodeSpawn(frame)
		if err != nil {
			return
		}
		again, err := EncodeSpawn(&s)
		if err != nil {
			t.Fatal(err)
		}
		back, err := DecodeSpawn(again)
		if err != nil {
			t.Fatal(err)
		}
		// An empty list and none are the same.
		if third, err := EncodeSpawn(&back); err != nil || !bytes.Equal(again, third) {
			t.Fatalf("%s became %s, %v", again, third, err)
		}
	})
}
