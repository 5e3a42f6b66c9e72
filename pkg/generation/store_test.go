package generation

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// version is the shop with another content for each n.
func version(n int) *Generation {
	g := shop()
	g.Launch.Services[1].Layers = []Layer{{Vars: []string{"VERSION=" + strconv.Itoa(n)}}}
	Seal(g)
	return g
}

func install(t *testing.T, s *Store, g *Generation, wantNumber int, wantChanged bool) {
	t.Helper()
	number, changed, err := s.Install(g)
	if err != nil || number != wantNumber || changed != wantChanged {
		t.Fatalf("Install = %d, %v, %v, want %d, %v", number, changed, err, wantNumber, wantChanged)
	}
}

func TestInstallNumbersEachContentAndKeepsItActive(t *testing.T) {
	s := &Store{Dir: filepath.Join(t.TempDir(), "a", "generations")}
	if projects, err := s.Projects(); err != nil || projects != nil {
		t.Errorf("an empty store has %v, %v", projects, err)
	}
	install(t, s, version(1), 1, true)
	install(t, s, version(1), 1, false)
	install(t, s, version(2), 2, true)
	install(t, s, version(1), 3, true) // Content of old is a new number.
	other := version(1)
	other.Supervise.Project, other.Launch.Project = "another", "another"
	Seal(other)
	install(t, s, other, 1, true)

	if projects, err := s.Projects(); err != nil || !slices.Equal(projects, []string{"another", "shop"}) {
		t.Errorf("projects are %v, %v", projects, err)
	}
	for _, reader := range []*Store{s, {Dir: s.Dir}} {
		if number, err := reader.Active("shop"); err != nil || number != 3 {
			t.Errorf("active is %d, %v", number, err)
		}
		want := version(2)
		want.Supervise.Number = 2
		supervise, err := reader.Supervise("shop", 2)
		if err != nil || !reflect.DeepEqual(supervise, want.Supervise) {
			t.Errorf("generation 2 is %+v, %v", supervise, err)
		}
		launch, err := reader.Launch("shop", 2)
		if err != nil || !reflect.DeepEqual(launch, want.Launch) {
			t.Errorf("its launch part is %+v, %v", launch, err)
		}
	}
}

func TestNobodyElseMayReadTheStore(t *testing.T) {
	s := &Store{Dir: filepath.Join(t.TempDir(), "generations")}
	install(t, s, version(1), 1, true)
	err := filepath.WalkDir(s.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestTheSupervisePartHoldsNoSecret(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	install(t, s, shop(), 1, true)
	supervise, err := os.ReadFile(filepath.Join(s.Dir, "shop", fileName(1, superviseSuffix)))
	if err != nil {
		t.Fatal(err)
	}
	launch, err := os.ReadFile(filepath.Join(s.Dir, "shop", fileName(1, launchSuffix)))
	if err != nil {
		t.Fatal(err)
	}
	const secret = "secret=1"
	if strings.Contains(string(supervise), secret) || !strings.Contains(string(launch), secret) {
		t.Error("the value of TOKEN is in the wrong file")
	}
}

func TestTheSameContentTakesOverTheInheritedEnvironment(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	install(t, s, version(1), 1, true)
	if _, err := s.Launch("shop", 1); err != nil { // Now it is remembered.
		t.Fatal(err)
	}
	again := version(1)
	again.Launch.Inherited = []string{"PATH=/usr/bin"}
	install(t, s, again, 1, false)
	for _, reader := range []*Store{s, {Dir: s.Dir}} {
		launch, err := reader.Launch("shop", 1)
		if err != nil || !slices.Equal(launch.Inherited, again.Launch.Inherited) {
			t.Errorf("inherited is %v, %v", launch.Inherited, err)
		}
	}
}

func TestTheLastTenAreKept(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	for n := 1; n <= Keep+3; n++ {
		install(t, s, version(n), n, true)
		if _, err := s.Load("shop", n); err != nil {
			t.Fatal(err)
		}
	}
	for n := 1; n <= Keep+3; n++ {
		_, err := s.Load("shop", n)
		if kept := n > 3; kept != (err == nil) || !kept && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("generation %d: %v", n, err)
		}
	}
	if entries, err := os.ReadDir(filepath.Join(s.Dir, "shop")); err != nil || len(entries) != 2*Keep+1 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}

func TestWhatIsNotInstalledDoesNotExist(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	install(t, s, version(1), 1, true)
	if _, err := s.Active("other"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an unknown project: %v", err)
	}
	if _, err := s.Supervise("shop", 2); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an unknown number: %v", err)
	}
	for _, project := range []string{"", "..", "../shop", "shop/../shop", ".", "shop\x00"} {
		if _, err := s.Active(project); err == nil {
			t.Errorf("Active(%q) succeeded", project)
		}
		if _, err := s.Launch(project, 1); err == nil {
			t.Errorf("Launch(%q) succeeded", project)
		}
	}
	if _, err := s.Launch("shop", -1); err == nil {
		t.Error("generation -1 exists")
	}
}

func TestAnInvalidGenerationIsNotInstalled(t *testing.T) {
	s := &Store{Dir: filepath.Join(t.TempDir(), "generations")}
	g := version(1)
	g.Launch.Services[0].Dir = "/elsewhere"
	if _, _, err := s.Install(g); err == nil {
		t.Error("a hash that does not match was installed")
	}
	if _, err := os.Lstat(s.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it left something: %v", err)
	}
}

// Each of these is a state that a crash can leave, or what somebody did to the
// files. None may stop the next Install, and none may be taken for installed.
func TestInstallAfterACrash(t *testing.T) {
	write := func(name, content string) func(*testing.T, *Store, string) {
		return func(t *testing.T, _ *Store, dir string) {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(name string) func(*testing.T, *Store, string) {
		return func(t *testing.T, _ *Store, dir string) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, test := range []struct {
		name   string
		damage func(t *testing.T, s *Store, dir string)
		// active is what is active afterwards, 0 for nothing that can be read.
		active, next int
	}{
		{"in the first file", write(".tmp-123", `{"form`), 1, 2},
		{"after the launch part", write("2.launch.json", "{}"), 1, 3},
		{"before the active file", func(t *testing.T, s *Store, _ string) {
			g := version(9)
			g.Supervise.Number = 2
			writePart(t, s, 2, launchSuffix, g.Launch)
			writePart(t, s, 2, superviseSuffix, g.Supervise)
		}, 1, 3},
		{"in the active file", write(".tmp-123", "2"), 1, 2},
		{"active is empty", write("active", ""), 0, 2},
		{"active is garbage", write("active", "01\n"), 0, 2},
		{"active is lost", remove("active"), 0, 2},
		{"the launch part is cut", write("1.launch.json", `{"format":1`), 0, 2},
		{"the supervise part is lost", remove("1.json"), 0, 2},
		{"the supervise part is of another number", func(t *testing.T, s *Store, _ string) {
			writePart(t, s, 1, superviseSuffix, version(1).Supervise)
		}, 0, 2},
		{"the supervise part is a FIFO", func(t *testing.T, _ *Store, dir string) {
			path := filepath.Join(dir, "1.json")
			if err := errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)); err != nil {
				t.Fatal(err)
			}
		}, 0, 2},
		{"the supervise part is a link", func(t *testing.T, _ *Store, dir string) {
			path := filepath.Join(dir, "1.json")
			if err := errors.Join(os.Rename(path, path+".x"), os.Symlink("1.json.x", path)); err != nil {
				t.Fatal(err)
			}
		}, 0, 2},
		{"strange names", write("x.json", "{}"), 1, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &Store{Dir: t.TempDir()}
			install(t, s, version(1), 1, true)
			dir := filepath.Join(s.Dir, "shop")
			test.damage(t, s, dir)

			s = &Store{Dir: s.Dir}
			g, err := s.loadActive("shop")
			if test.active == 0 && err == nil || test.active != 0 && (err != nil || g.Supervise.Number != test.active) {
				t.Errorf("active is %+v, %v", g, err)
			}
			install(t, s, version(2), test.next, true)
			got, err := s.loadActive("shop")
			if err != nil || got.Validate() != nil || got.Supervise.Number != test.next {
				t.Errorf("after the next install: %+v, %v", got, err)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, ".tmp-*")); left != nil {
				t.Errorf("left over: %v", left)
			}
		})
	}
}

func TestAFolderDeletedUnderneathBeginsAnew(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	install(t, s, version(1), 1, true)
	if _, err := s.Launch("shop", 1); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(s.Dir, "shop")); err != nil {
		t.Fatal(err)
	}
	install(t, s, version(2), 1, true)
	g, err := s.Load("shop", 1)
	if err != nil || g.Supervise.Hash != version(2).Supervise.Hash {
		t.Errorf("got the old content, %v", err)
	}
}

// TestKilledAtAnyMoment installs in a process of its own that is killed in the
// middle of an Install, again and again, each time a little later in it.
func TestKilledAtAnyMoment(t *testing.T) {
	const variable = "SYSG_TEST_INSTALL_INTO"
	if dir := os.Getenv(variable); dir != "" {
		installUntilKilled(&Store{Dir: dir})
	}
	const rounds = 25
	dir := t.TempDir()
	last := 0
	for round := range rounds {
		command := exec.Command(os.Args[0], "-test.run=^TestKilledAtAnyMoment$")
		command.Env = append(os.Environ(), variable+"="+dir)
		out, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		first := readLine(t, out)
		began := time.Now()
		second := readLine(t, out)
		// The moment is the point, not an event to wait for.
		time.Sleep(time.Since(began) * time.Duration(round) / rounds)
		if err := command.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := command.Wait(); command.ProcessState.Exited() {
			t.Fatalf("the installer ended by itself: %v, %s%s", err, first, second)
		}

		s := &Store{Dir: dir}
		number, err := s.Active("shop")
		if err != nil || number < last+2 {
			t.Fatalf("round %d: active is %d after %d and two installs, %v", round, number, last, err)
		}
		last = number
		g, err := s.Load("shop", number)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if err := g.Validate(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
}

// installUntilKilled prints a line after each install.
func installUntilKilled(s *Store) {
	for n := os.Getpid() * 10_000; ; n++ {
		if _, _, err := s.Install(version(n)); err != nil {
			os.Stdout.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Stdout.WriteString("installed\n")
	}
}

func readLine(t *testing.T, r io.Reader) string {
	t.Helper()
	var line []byte
	for {
		var one [1]byte
		if _, err := r.Read(one[:]); err != nil {
			t.Fatalf("the installer ended: %v, %s", err, line)
		}
		if one[0] == '\n' {
			return string(line)
		}
		line = append(line, one[0])
	}
}

// What a launch has loaded stays so, but not without end: anybody may install
// any number of projects.
func TestWhatIsKeptLoadedIsBounded(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	g := version(1)
	for range 12 {
		g.Launch.Services[0].Layers = append(g.Launch.Services[0].Layers, Layer{Vars: slices.Repeat([]string{"X=" + strings.Repeat("x", 100<<10)}, 10)})
	}
	for n := range 8 {
		g.Supervise.Project = fmt.Sprint("project", n)
		g.Launch.Project = g.Supervise.Project
		Seal(g)
		if _, _, err := s.Install(g); err != nil {
			t.Fatal(err)
		}
		first, err := s.Load(g.Supervise.Project, 1)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := s.Load(g.Supervise.Project, 1); err != nil || again != first {
			t.Errorf("the last one is not kept: %v", err)
		}
	}
	if len(s.loaded) > 3 || s.loadedBytes > maxLoaded {
		t.Errorf("%d generations of %d MiB are kept", len(s.loaded), s.loadedBytes>>20)
	}
}

// writePart writes one part of a generation of the project "shop".
func writePart(t *testing.T, s *Store, number int, suffix string, part any) {
	t.Helper()
	folder, err := s.project("shop")
	if err == nil {
		defer folder.Close()
		err = s.write(folder, number, suffix, part)
	}
	if err != nil {
		t.Fatal(err)
	}
}
