package confine

import (
	"errors"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

var update = flag.Bool("update", false, "write the golden files anew")

// full asks for everything that a launch can ask for.
func full() Launch {
	nice, score := -5, 300
	return Launch{
		Argv: []string{"redis-server", "--port", "7000"}, Env: []string{"PATH=/usr/bin", "TOKEN=secret"}, Dir: "/srv/shop", Umask: 0o027,
		Rlimits: []generation.Rlimit{{Name: "nofile", Soft: 1024, Hard: generation.Unlimited}, {Name: "core", Soft: 0, Hard: 0}},
		Nice:    &nice, OOMScore: &score,
		Affinity: []uint64{0b1_0000_1111, 0b11}, IOPriority: 2<<13 | 7, NoNewPrivs: true,
		Passed: []int{3, 4, 7}, OwnPID: []string{"LISTEN_PID"},
	}
}

func plain() Launch {
	return Launch{Argv: []string{"/bin/true"}, Dir: "/", Umask: HelperUmask}
}

func TestStepsAreTheFrozenOnes(t *testing.T) {
	for name, launch := range map[string]Launch{"full": full(), "plain": plain()} {
		var text strings.Builder
		for _, step := range Steps(launch, func() error { return nil }) {
			fmt.Fprintf(&text, "%-13s  %s\n", step.Stage, step.Does)
		}
		golden := filepath.Join("testdata", "steps", name+".txt")
		if *update {
			if err := os.WriteFile(golden, []byte(text.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		frozen, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if text.String() != string(frozen) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, text.String(), frozen)
		}
		if strings.Contains(text.String(), "secret") {
			t.Errorf("%s: the steps print the environment", name)
		}
	}
}

func TestStepsKeepTheOrderOfTheStages(t *testing.T) {
	place := func(stage spec.Stage) int {
		for i := range spec.Stages {
			if spec.Stages[i].Stage == stage {
				return i
			}
		}
		t.Fatalf("stage %q is not in spec.Stages", stage)
		return -1
	}
	last := place(spec.StageClone)
	for _, step := range Steps(full(), func() error { return nil }) {
		if at := place(step.Stage); at < last {
			t.Errorf("stage %s comes after a later one", step.Stage)
		} else {
			last = at
		}
	}
	if last != len(spec.Stages)-1 {
		t.Error("the last step is not the last stage")
	}
}

func TestDirectIsOnlyWhatACloneCanSay(t *testing.T) {
	if l := plain(); !l.direct() {
		t.Error("a plain launch is not direct")
	}
	zero := 0
	for name, edit := range map[string]func(*Launch){
		"umask":         func(l *Launch) { l.Umask = 0 },
		"rlimits":       func(l *Launch) { l.Rlimits = full().Rlimits },
		"nice":          func(l *Launch) { l.Nice = &zero },
		"oom_score_adj": func(l *Launch) { l.OOMScore = &zero },
		"cpu_affinity":  func(l *Launch) { l.Affinity = []uint64{1} },
		"ionice":        func(l *Launch) { l.IOPriority = 1 },
		"no_new_privs":  func(l *Launch) { l.NoNewPrivs = true },
		"its own pid":   func(l *Launch) { l.OwnPID = []string{"LISTEN_PID"} },
	} {
		l := plain()
		edit(&l)
		if l.direct() {
			t.Errorf("a launch with %s is direct", name)
		}
	}
}

func TestADescriptorCostsNoStage(t *testing.T) {
	l := plain()
	l.Passed = []int{5}
	if !l.direct() {
		t.Error("a launch with a descriptor is staged")
	}
	if extra := l.extra(Place{Files: []int{42}}); !slices.Equal(extra, []int{-1, -1, 42}) {
		t.Errorf("its descriptors from 3 on are %v", extra)
	}
}

func TestALaunchCrossesToItsStageByteForByte(t *testing.T) {
	want := full()
	want.Env = append(want.Env, "BYTES=\xff\xfe\x01\"\\")
	want.Argv = append(want.Argv, "", "\xc3")
	want.Dir = "/srv/\xe9"
	got, err := decode(encode(&want))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

// Every field there is, as the types have them, with any value.
func TestNoFieldOfALaunchIsLostOnTheWay(t *testing.T) {
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewSource(seed))
	for range 200 {
		want := Launch{Argv: []string{"/bin/true"}}
		fields := reflect.ValueOf(&want).Elem()
		for i := range fields.NumField() {
			if field := fields.Field(i); field.CanSet() && fields.Type().Field(i).Name != "Argv" {
				value, _ := quick.Value(field.Type(), random)
				field.Set(value)
			}
		}
		text := encode(&want)
		got, err := decode(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, %v, want %+v", got, err, want)
		}
		if _, err := decode(text[:random.Intn(len(text))]); err == nil {
			t.Fatal("a launch that is cut off was accepted")
		}
	}
}

func FuzzDecode(f *testing.F) {
	l := full()
	f.Add(encode(&l))
	f.Add(encode(&Launch{}))
	f.Fuzz(func(t *testing.T, text []byte) {
		if l, err := decode(text); err == nil && len(l.Argv) == 0 {
			t.Error("a launch without a program was accepted")
		}
	})
}

func TestStatusSaysWhatHappened(t *testing.T) {
	if err := ParseStatus([]byte("!")); err != nil {
		t.Errorf("a mark: %v", err)
	}
	for text, want := range map[string]Failure{
		"": {Stage: spec.StageExec, Detail: "the process died before it became the program"},
		`{"stage":"chdir","errno":2,"detail":"d"}`: {Stage: spec.StageChdir, Errno: 2, Detail: "d"},
		`!{"stage":"exec","errno":8,"detail":"d"}`: {Stage: spec.StageExec, Errno: 8, Detail: "d"},
	} {
		var failure *Failure
		if err := ParseStatus([]byte(text)); !errors.As(err, &failure) || *failure != want {
			t.Errorf("%q: got %+v", text, failure)
		}
	}
	for _, text := range []string{"!!", "!{", "{}", "garbage", `{"stage":""}`} {
		if err := ParseStatus([]byte(text)); err == nil {
			t.Errorf("%q passes for a success", text)
		}
	}
}

func FuzzParseStatus(f *testing.F) {
	f.Add([]byte("!"))
	f.Add([]byte(`!{"stage":"exec","errno":8,"detail":"d"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		err := ParseStatus(text)
		if (err == nil) != (string(text) == "!") {
			t.Errorf("%q: %v", text, err)
		}
		var failure *Failure
		if err != nil && (!errors.As(err, &failure) || failure.Stage == "") {
			t.Errorf("%q: the failure has no stage", text)
		}
	})
}

func TestEveryManifestLimitCanBeSet(t *testing.T) {
	for _, name := range generation.RlimitNames {
		if !slices.ContainsFunc(rlimits[:], func(known struct {
			name     string
			resource int
		}) bool {
			return known.name == name
		}) {
			t.Errorf("limit %q is not known here", name)
		}
	}
	if err := raiseHard(0, generation.Rlimit{Name: "nonsense"}); err == nil {
		t.Error("a limit that there is not was set")
	}
}

func TestFailCarriesTheErrorNumber(t *testing.T) {
	failure := Fail(spec.StageChdir, fmt.Errorf("cannot enter: %w", unix.ENOTDIR))
	if *failure != (Failure{spec.StageChdir, int(unix.ENOTDIR), "cannot enter: not a directory"}) {
		t.Errorf("got %+v", failure)
	}
	if again := Fail(spec.StageExec, fmt.Errorf("later: %w", failure)); again != failure {
		t.Errorf("a failure was renamed to %+v", again)
	}
}
