package spec

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

const (
	someRun  = "0123456789abcdef0123456789abcdef"
	otherRun = "fedcba9876543210fedcba9876543210"
)

var (
	someHash = strings.Repeat("5", 64)
	someTime = time.Date(2025, 3, 4, 5, 6, 7, 8, time.UTC)
)

func someLaunch() Launch {
	return Launch{Project: "shop", Generation: 3, Hash: someHash, Service: "api", Role: RoleMain, Incarnation: someRun}
}

func someExit() *Exited {
	return &Exited{Incarnation: someRun, Status: 9, Usage: Usage{UserMicros: 1, SystemMicros: 2, MaxRSS: 3}, At: someTime}
}

func requests() []Request {
	launch := someLaunch()
	return []Request{
		{ID: 1, Hello: &Hello{Version: Version, Min: Min}},
		{ID: 2, Install: &Install{}},
		{ID: 3, Launch: &launch},
		{ID: 4, Signal: &Signal{Incarnation: someRun, Signal: 15, Group: true}},
		{ID: 5, Kill: &Kill{Incarnation: someRun}},
		{ID: 6, List: &List{}},
		{ID: 1<<64 - 1, Ack: &Ack{Incarnations: []string{someRun, otherRun}}},
		{ID: 8, Quit: &Quit{}},
		{ID: 9, Launch: someHook()},
		{ID: 10, Listen: &Listen{Project: "shop", Generation: 3, Hash: someHash, Service: "api", Names: []string{"http", "admin"}, Watch: true}},
		{ID: 11, Listen: &Listen{Project: "shop", Generation: 3, Hash: someHash, Service: "api"}},
		{ID: 12, Unlisten: &Unlisten{Project: "shop", Service: "api"}},
		{ID: 13, Main: &Main{Incarnation: someRun, PID: 4712}},
		{ID: 14, Keep: &Keep{Incarnation: someRun, Name: "a client!"}},
		{ID: 14, Keep: &Keep{Of: &Owner{Project: "shop", Generation: 3, Hash: someHash, Service: "api"}, Name: "a client!"}},
		{ID: 15, Drop: &Drop{Incarnation: someRun, Name: "stored"}},
		{ID: 16, Activate: &Activate{Project: "shop", Number: 2}},
		{ID: 17, Remove: &Remove{Project: "shop"}},
	}
}

// someHook has all that a Launch can have.
func someHook() *Launch {
	hook, slot, code := someLaunch(), 1, 0
	hook.Role, hook.Slot = RoleOnErr, &slot
	hook.Event = &Event{Name: "error", PID: 4711, ExitCode: &code, Signal: 9, Attempt: 2}
	return &hook
}

func someChild() Record {
	launch := someLaunch()
	launch.Role = RoleChild
	return Record{Launch: launch, PID: 1, Started: someTime, Child: &Child{
		Parent: otherRun, Name: "worker", Argv: []string{"sleep", "5"}, Depth: 1, TTL: time.Minute,
	}}
}

func replies() []Reply {
	child := someChild()
	return []Reply{
		{ID: 1, Hello: &Hello{Version: 7, Min: 1}},
		{ID: 2, Installed: &Installed{Project: "shop", Number: 3, Hash: someHash, Changed: true}},
		{ID: 3, Launched: &Launched{Incarnation: someRun, PID: 4711, Cgroup: "/a/run-" + someRun}},
		{ID: 3, Failed: &Failed{Incarnation: someRun, Stage: StageExec, Errno: 2, Detail: `no such file: "x"`}},
		{ID: 4, Listed: &Listed{Record: &Record{Launch: someLaunch(), PID: 1, Started: someTime}}},
		{ID: 4, Listed: &Listed{Record: &Record{Launch: someLaunch(), PID: 1, Started: someTime, Exited: someExit(), Emptied: true}}},
		{ID: 4, Listed: &Listed{Record: &child, Notify: true, Ready: true}},
		{ID: 4, Listed: &Listed{Last: true}},
		{ID: 5, Done: &Done{}},
		{ID: 6, Refused: &Refused{Reason: ReasonUnknown, Detail: "no such incarnation"}},
		{ID: 0, Refused: &Refused{Reason: ReasonProtocol}},
		{ID: 0, Exited: someExit()},
		{ID: 0, Emptied: &Emptied{Incarnation: someRun}},
		{ID: 3, Launched: &Launched{Incarnation: someRun, PID: 4711, Notify: true, Ready: true}},
		{ID: 10, Listening: &Listening{Names: []string{"http", "admin"}}},
		{ID: 10, Listening: &Listening{}},
		{ID: 0, Wanted: &Wanted{Project: "shop", Service: "api"}},
		{ID: 0, Spawned: &Spawned{Record: child}},
	}
}

func TestEveryMessageComesBackAsItWent(t *testing.T) {
	for _, want := range requests() {
		frame, err := EncodeRequest(&want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DecodeRequest(frame); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s\ngot %+v, %v", frame, got, err)
		}
	}
	for _, want := range replies() {
		frame, err := EncodeReply(&want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DecodeReply(frame); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s\ngot %+v, %v", frame, got, err)
		}
	}
}

// A message that is added to the types and not to these tests, or not to
// validate, fails here.
func TestEveryMessageIsTested(t *testing.T) {
	seen := map[string]bool{}
	note := func(v reflect.Value) {
		for i := 1; i < v.NumField(); i++ {
			seen[v.Type().Name()+"."+v.Type().Field(i).Name] = seen[v.Type().Name()+"."+v.Type().Field(i).Name] || !v.Field(i).IsNil()
		}
	}
	for _, r := range requests() {
		note(reflect.ValueOf(r))
	}
	for _, r := range replies() {
		note(reflect.ValueOf(r))
	}
	for name, tested := range seen {
		if !tested {
			t.Errorf("%s is in no table", name)
		}
	}
}

func TestTheLargestAckFitsInAFrame(t *testing.T) {
	full := Request{ID: 1<<64 - 1, Ack: &Ack{}}
	for range MaxAcks {
		full.Ack.Incarnations = append(full.Ack.Incarnations, someRun)
	}
	frame, err := EncodeRequest(&full)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := DecodeRequest(frame); err != nil {
		t.Error(err)
	}
	full.Ack.Incarnations = append(full.Ack.Incarnations, someRun)
	if _, err := EncodeRequest(&full); err == nil {
		t.Error("one more was accepted")
	}
}

func TestALongDetailIsCutBetweenCharacters(t *testing.T) {
	for _, detail := range []string{strings.Repeat("x", maxDetail), strings.Repeat("ü", maxDetail), strings.Repeat("\x00", 70_000)} {
		for _, reply := range []Reply{
			{ID: 1, Refused: &Refused{Reason: ReasonInternal, Detail: detail}},
			{ID: 1, Failed: &Failed{Incarnation: someRun, Stage: StageExec, Detail: detail}},
		} {
			frame, err := EncodeReply(&reply)
			if err != nil {
				t.Fatal(err)
			}
			back, err := DecodeReply(frame)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if back.Refused != nil {
				got = back.Refused.Detail
			} else {
				got = back.Failed.Detail
			}
			if len(detail) == maxDetail && got != detail {
				t.Errorf("a detail that fits became %d bytes", len(got))
			}
			if len(got) > maxDetail || len(got) < maxDetail-4 || !strings.HasPrefix(detail, strings.TrimSuffix(got, "…")) {
				t.Errorf("%d bytes became %d: …%q", len(detail), len(got), got[len(got)-8:])
			}
		}
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	launch := func(old, new string) string {
		frame, _ := json.Marshal(Request{ID: 1, Launch: &Launch{
			Project: "PROJECT", Generation: 3, Hash: someHash, Service: "SERVICE", Role: RoleMain, Incarnation: someRun,
		}})
		text := strings.Replace(string(frame), old, new, 1)
		if text == string(frame) {
			t.Fatalf("%q is not in %s", old, frame)
		}
		return text
	}
	for _, test := range []struct{ name, frame, want string }{
		{"no message", `{"id":1}`, "0 messages"},
		{"two messages", `{"id":1,"list":{},"kill":{"incarnation":"` + someRun + `"}}`, "2 messages"},
		{"a message and a null", `{"id":1,"list":{},"kill":null}`, "null"},
		{"no id", `{"list":{}}`, "id is 0"},
		{"id 0", `{"id":0,"list":{}}`, "id is 0"},
		{"a negative id", `{"id":-1,"list":{}}`, "cannot unmarshal"},
		{"a fraction as id", `{"id":1.5,"list":{}}`, "cannot unmarshal"},
		{"a reply's message", `{"id":1,"done":{}}`, "unknown field"},
		{"a list as message", `{"id":1,"list":[]}`, "cannot unmarshal"},
		{"version 0", `{"id":1,"hello":{"version":0,"min":0}}`, "version"},
		{"version below min", `{"id":1,"hello":{"version":1,"min":2}}`, "version"},
		{"a project with a slash", launch("PROJECT", "../x"), `project is "../x"`},
		{"an empty project", launch("PROJECT", ""), "project"},
		{"a project with a NUL", launch("PROJECT", `a\u0000b`), "project"},
		{"a service with a dot first", launch("SERVICE", ".x"), "service"},
		{"a service with a dash first", launch("SERVICE", "-x"), "service"},
		{"a service of 65 letters", launch("SERVICE", strings.Repeat("x", 65)), "service"},
		{"a service with a letter outside ASCII", launch("SERVICE", "café"), "service"},
		{"generation 0", launch(`"generation":3`, `"generation":0`), "generation"},
		{"a short hash", launch(someHash, someHash[1:]), "hash"},
		{"a hash in upper case", launch(someHash, strings.Repeat("A", 64)), "hash"},
		{"an unknown role", launch(`"main"`, `"root"`), "role"},
		{"an incarnation in upper case", launch(someRun, strings.ToUpper(someRun)), "incarnation"},
		{"a long incarnation", launch(someRun, someRun+"0"), "incarnation"},
		{"a program", launch(`"role"`, `"argv":["/bin/sh"],"role"`), "unknown field"},
		{"signal 0", `{"id":1,"signal":{"incarnation":"` + someRun + `","signal":0}}`, "signal"},
		{"signal 65", `{"id":1,"signal":{"incarnation":"` + someRun + `","signal":65}}`, "signal"},
		{"signal -1", `{"id":1,"signal":{"incarnation":"` + someRun + `","signal":-1}}`, "signal"},
		{"signal without incarnation", `{"id":1,"signal":{"signal":9}}`, "incarnation"},
		{"kill without incarnation", `{"id":1,"kill":{}}`, "incarnation"},
		{"ack of nothing", `{"id":1,"ack":{"incarnations":[]}}`, "number of incarnations"},
		{"ack of garbage", `{"id":1,"ack":{"incarnations":["x"]}}`, "incarnation"},
		{"a slot that there cannot be", launch(`"role"`, `"slot":2,"role"`), "slot"},
		{"a negative slot", launch(`"role"`, `"slot":-1,"role"`), "slot"},
		{"an event of no kind", launch(`"role"`, `"event":{"name":"boom"},"role"`), "event"},
		{"an event with a variable", launch(`"role"`, `"event":{"name":"stop","env":"X"},"role"`), "unknown field"},
		{"an event with a negative pid", launch(`"role"`, `"event":{"name":"stop","pid":-1},"role"`), "pid of the event"},
		{"an event with exit code 256", launch(`"role"`, `"event":{"name":"stop","exit_code":256},"role"`), "exit code"},
		{"an event with signal 65", launch(`"role"`, `"event":{"name":"stop","signal":65},"role"`), "signal"},
		{"an event with a negative attempt", launch(`"role"`, `"event":{"name":"stop","attempt":-1},"role"`), "attempt"},
		{"listen for a socket with a slash", `{"id":1,"listen":{"project":"p","generation":1,"hash":"` + someHash + `","service":"s","names":["a/b"]}}`, "socket"},
		{"listen without a generation", `{"id":1,"listen":{"project":"p","generation":0,"hash":"` + someHash + `","service":"s"}}`, "generation"},
		{"unlisten of a path", `{"id":1,"unlisten":{"project":"p","service":"../s"}}`, "service"},
		{"main without pid", `{"id":1,"main":{"incarnation":"` + someRun + `","pid":0}}`, "pid"},
		{"keep without a name", `{"id":1,"keep":{"incarnation":"` + someRun + `","name":""}}`, "name"},
		{"keep with a colon", `{"id":1,"keep":{"incarnation":"` + someRun + `","name":"a:b"}}`, "name"},
		{"keep under a long name", `{"id":1,"keep":{"incarnation":"` + someRun + `","name":"` + strings.Repeat("x", 256) + `"}}`, "name"},
		{"drop with a newline", `{"id":1,"drop":{"incarnation":"` + someRun + `","name":"a\nb"}}`, "name"},
		{"activate of generation 0", `{"id":1,"activate":{"project":"p","number":0}}`, "number"},
		{"remove of a path", `{"id":1,"remove":{"project":".."}}`, "project"},
		{"a huge frame", `{"id":1,"kill":{"incarnation":"` + strings.Repeat("0", MaxFrame) + `"}}`, "limit 65536"},
		{"half a frame", launch("PROJECT", "p")[:100], "does not end"},
		{"garbage", "\x16\x03\x01\x02\x00", "not a JSON object"},
	} {
		t.Run(test.name, func(t *testing.T) {
			request, err := DecodeRequest([]byte(test.frame))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %+v, %v, want %q", request, err, test.want)
			}
			if !reflect.DeepEqual(request, Request{}) {
				t.Errorf("a refused request is not empty: %+v", request)
			}
		})
	}
}

func TestRepliesThatAreRefused(t *testing.T) {
	run := `"incarnation":"` + someRun + `"`
	for _, test := range []struct{ name, frame, want string }{
		{"an event with an id", `{"id":1,"emptied":{` + run + `}}`, "id is 1"},
		{"an answer without one", `{"id":0,"done":{}}`, "id is 0"},
		{"two messages", `{"id":1,"done":{},"installed":{"project":"p","number":1,"hash":"` + someHash + `","changed":true}}`, "2 messages"},
		{"launched without pid", `{"id":1,"launched":{` + run + `}}`, "pid"},
		{"launched with a NUL in its cgroup", `{"id":1,"launched":{` + run + `,"pid":1,"cgroup":"\u0000"}}`, "cgroup"},
		{"an unknown stage", `{"id":1,"failed":{` + run + `,"stage":"x","detail":""}}`, "stage"},
		{"a negative errno", `{"id":1,"failed":{` + run + `,"stage":"exec","errno":-1,"detail":""}}`, "errno"},
		{"a long detail", `{"id":1,"refused":{"reason":"peer","detail":"` + strings.Repeat("x", maxDetail+1) + `"}}`, "detail"},
		{"an unknown reason", `{"id":1,"refused":{"reason":"mood","detail":""}}`, "reason"},
		{"listed with neither", `{"id":1,"listed":{}}`, "listed"},
		{"listed with both", `{"id":1,"listed":{"last":true,"record":{}}}`, "listed"},
		{"an empty record", `{"id":1,"listed":{"record":{}}}`, "project"},
		{"installed without number", `{"id":1,"installed":{"project":"p","number":0,"hash":"` + someHash + `","changed":true}}`, "number"},
		{"wanted with an id", `{"id":1,"wanted":{"project":"p","service":"s"}}`, "id is 1"},
		{"wanted of nothing", `{"id":0,"wanted":{"project":"p","service":""}}`, "service"},
		{"spawned with an empty record", `{"id":0,"spawned":{"record":{}}}`, "project"},
		{"listening on a path", `{"id":1,"listening":{"names":["/x"]}}`, "socket"},
		{"exited at no time", `{"id":0,"exited":{` + run + `,"status":0,"usage":{"user_us":0,"system_us":0,"max_rss":0},"at":"0001-01-01T00:00:00Z"}}`, "time"},
		{"exited with negative usage", `{"id":0,"exited":{` + run + `,"status":0,"usage":{"user_us":-1,"system_us":0,"max_rss":0},"at":"2025-01-01T00:00:00Z"}}`, "usage"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if reply, err := DecodeReply([]byte(test.frame)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %+v, %v, want %q", reply, err, test.want)
			}
		})
	}
	for name, record := range map[string]Record{
		"emptied before exited":    {Launch: someLaunch(), PID: 1, Started: someTime, Emptied: true},
		"no start":                 {Launch: someLaunch(), PID: 1},
		"no pid":                   {Launch: someLaunch(), Started: someTime},
		"a child of no role":       {Launch: someLaunch(), PID: 1, Started: someTime, Child: someChild().Child},
		"a role without its child": {Launch: someChild().Launch, PID: 1, Started: someTime},
		"the exit of another run":  {Launch: someLaunch(), PID: 1, Started: someTime, Exited: &Exited{Incarnation: otherRun, At: someTime}},
	} {
		if _, err := EncodeReply(&Reply{ID: 1, Listed: &Listed{Record: &record}}); err == nil {
			t.Errorf("a record with %s was sent", name)
		}
	}
}

func TestEveryRoleStageAndReasonCanBeSent(t *testing.T) {
	for _, role := range Roles {
		launch := someLaunch()
		launch.Role = role
		if _, err := EncodeRequest(&Request{ID: 1, Launch: &launch}); err != nil {
			t.Error(err)
		}
	}
	for _, row := range Stages {
		if row.Does == "" {
			t.Errorf("stage %s has no description", row.Stage)
		}
		if _, err := EncodeReply(&Reply{ID: 1, Failed: &Failed{Incarnation: someRun, Stage: row.Stage}}); err != nil {
			t.Error(err)
		}
	}
	for _, reason := range []Reason{ReasonProtocol, ReasonVersion, ReasonPeer, ReasonUnknown, ReasonInvalid, ReasonBusy, ReasonInternal} {
		if _, err := EncodeReply(&Reply{ID: 1, Refused: &Refused{Reason: reason}}); err != nil {
			t.Error(err)
		}
	}
}

// FuzzDecode holds that whatever is accepted can be sent again and means the
// same: there is one way to write each message.
func FuzzDecode(f *testing.F) {
	for _, request := range requests() {
		frame, _ := EncodeRequest(&request)
		f.Add(frame)
	}
	for _, reply := range replies() {
		frame, _ := EncodeReply(&reply)
		f.Add(frame)
	}
	f.Add([]byte(`{"id":1,"list":{},"kill":null}`))
	f.Add([]byte(`{"id":1,"id":2,"list":{}}`))
	f.Fuzz(func(t *testing.T, frame []byte) {
		if request, err := DecodeRequest(frame); err == nil {
			again, err := EncodeRequest(&request)
			if err != nil {
				t.Fatal(err)
			}
			back, err := DecodeRequest(again)
			if err != nil {
				t.Fatal(err)
			}
			// An empty list and none are the same.
			if third, err := EncodeRequest(&back); err != nil || !bytes.Equal(again, third) {
				t.Fatalf("%s became %s, %v", again, third, err)
			}
		}
		if reply, err := DecodeReply(frame); err == nil {
			first, err := EncodeReply(&reply)
			if err != nil {
				t.Fatal(err)
			}
			back, err := DecodeReply(first)
			if err != nil {
				t.Fatal(err)
			}
			// Times of one moment may differ in their *time.Location.
			if second, err := EncodeReply(&back); err != nil || !bytes.Equal(first, second) {
				t.Fatalf("%s became %s, %v", first, second, err)
			}
		}
	})
}

func BenchmarkLaunch(b *testing.B) {
	request := requests()[2]
	b.ReportAllocs()
	for b.Loop() {
		frame, err := EncodeRequest(&request)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := DecodeRequest(frame); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLaunched(b *testing.B) {
	reply := replies()[2]
	b.ReportAllocs()
	for b.Loop() {
		frame, err := EncodeReply(&reply)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := DecodeReply(frame); err != nil {
			b.Fatal(err)
		}
	}
}
