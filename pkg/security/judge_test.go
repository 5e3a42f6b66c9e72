package security

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/sys"
)

// machine is a process outside; cgroups are below root.
func machine(root string) Process {
	return Process{
		PID: 1, ProcStatus: sys.ProcStatus{Groups: []uint32{0}, CapPermitted: 1<<41 - 1, CapEffective: 1<<41 - 1, CapBounding: 1<<41 - 1},
		Namespaces: map[string]string{"net": "n", "mnt": "m", "pid": "p", "user": "u", "ipc": "i", "uts": "t", "cgroup": "c"},
		Mounts: []Mount{
			{"8:1", "/", "/", false, "ext4"}, {"0:6", "/", "/dev", false, "devtmpfs"}, {"0:30", "/", root, false, "cgroup2"},
		},
		Label: "unconfined", Cgroup: "/api",
	}
}

// closed is a process that has nothing left to take away.
func closed() Process {
	return Process{
		PID: 42, ProcStatus: sys.ProcStatus{
			UIDs: [4]uint32{998, 998, 998, 998}, GIDs: [4]uint32{998, 998, 998, 998}, NoNewPrivs: true, Seccomp: 2, Filters: 1,
		},
		Namespaces: map[string]string{"net": "N", "mnt": "M", "pid": "P", "user": "U", "ipc": "I", "uts": "T", "cgroup": "C"},
		Mounts: []Mount{
			{"8:1", "/", "/", true, "ext4"}, {"0:50", "/", "/dev", false, "tmpfs"}, {"0:51", "/", "/tmp", false, "tmpfs"},
		},
		Label: "api (enforce)", Cgroup: "/api/run",
	}
}

func subject(t *testing.T, processes ...Process) *Subject {
	t.Helper()
	root := t.TempDir()
	for path, text := range map[string]string{"api/pids.max": "max\n", "api/memory.max": "1048576\n", "api/run/pids.max": "100\n", "api/run/memory.max": "max\n"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, path)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, path), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return &Subject{Machine: machine(root), Processes: processes, Declared: &generation.LaunchService{
		Confinement: &generation.Confinement{Seccomp: &generation.Seccomp{Name: "strict"}, Landlock: &generation.Landlock{}},
	}}
}

func TestNothingIsLeftOfAProcessThatHasNothing(t *testing.T) {
	r := Judge(subject(t, closed()))
	if r.Exposure != 0 || r.Verdict != Tight || len(r.Worst(9)) != 0 {
		t.Errorf("got %+v", r)
	}
	if len(r.Findings) != len(aspects) {
		t.Errorf("%d of %d aspects were looked at", len(r.Findings), len(aspects))
	}
}

func TestEverythingIsOpenOfAProcessLikeAnyOther(t *testing.T) {
	s := subject(t)
	s.Processes, s.Declared = []Process{s.Machine}, nil
	s.Processes[0].Cgroup = "/"
	r := Judge(s)
	// It has all capabilities, so that no program can give it more.
	if r.Exposure < 9.4 || r.Verdict != Exposed {
		t.Errorf("got %v, %s", r.Exposure, r.Verdict)
	}
	for _, f := range r.Findings {
		if f.Exposure != f.Most && f.Key != "capabilities (bounding)" {
			t.Errorf("%s is not open: %+v", f.Key, f)
		}
		if f.Evidence == "" || f.Is == "" {
			t.Errorf("%s has no evidence", f.Key)
		}
	}
}

// TestEachDoorIsSeen opens one at a time.
func TestEachDoorIsSeen(t *testing.T) {
	for _, test := range []struct {
		key  string
		open func(s *Subject, p *Process)
	}{
		{"user", func(_ *Subject, p *Process) { p.UIDs[2] = 0 }},
		{"supplementary_groups", func(_ *Subject, p *Process) { p.Groups = []uint32{0, 5} }},
		{"capabilities", func(_ *Subject, p *Process) { p.CapAmbient = 1 << 21 }},
		{"capabilities", func(_ *Subject, p *Process) { p.CapInheritable = 1 << 10 }},
		{"isolation.seccomp", func(_ *Subject, p *Process) { p.Seccomp = 0 }},
		{"isolation.seccomp", func(s *Subject, _ *Process) { s.Machine.Seccomp, s.Machine.Filters = 2, 1 }},
		{"isolation.landlock", func(s *Subject, _ *Process) { s.Declared.Confinement.Landlock = nil }},
		{"isolation.landlock", func(s *Subject, _ *Process) { s.Missing = []string{"landlock"} }},
		{"isolation.apparmor_profile", func(_ *Subject, p *Process) { p.Label = "unconfined" }},
		{"isolation.protect_system", func(_ *Subject, p *Process) { p.Mounts[0].ReadOnly = false }},
		{"isolation.protect_system", func(_ *Subject, p *Process) { p.Mounts = append(p.Mounts, Mount{"8:2", "/", "/usr", false, "ext4"}) }},
		{"isolation.private_tmp", func(_ *Subject, p *Process) { p.Mounts = p.Mounts[:2] }},
		{"isolation.private_devices", func(_ *Subject, p *Process) { p.Mounts[1] = Mount{"0:6", "/", "/dev", true, "devtmpfs"} }},
		{"isolation.network", func(_ *Subject, p *Process) { p.Namespaces["net"] = "n" }},
		{"isolation.pid", func(_ *Subject, p *Process) { p.Namespaces["pid"] = "p" }},
		{"isolation.user", func(_ *Subject, p *Process) { p.Namespaces["user"] = "u" }},
		{"isolation.ipc", func(_ *Subject, p *Process) { p.Namespaces["ipc"] = "i" }},
		{"isolation.uts", func(_ *Subject, p *Process) { p.Namespaces["uts"] = "t" }},
		{"isolation.cgroup", func(_ *Subject, p *Process) { p.Namespaces["cgroup"] = "c" }},
		{"limits.cgroup.pids_max", func(_ *Subject, p *Process) { p.Cgroup = "/api" }},
		{"limits.cgroup.memory_max", func(_ *Subject, p *Process) { p.Cgroup = "/nowhere" }},
	} {
		p := closed()
		s := subject(t, p, closed())
		test.open(s, &s.Processes[0])
		r := Judge(s)
		if worst := r.Worst(3); len(worst) == 0 || !slices.Contains(worst, test.key) {
			t.Errorf("%s: found %v", test.key, worst)
		}
		if r.Exposure <= 0 {
			t.Errorf("%s: it costs nothing", test.key)
		}
	}
}

func TestAProgramWithCapabilitiesInItsFileIsADoor(t *testing.T) {
	p := closed()
	p.CapBounding = 1<<41 - 1
	if r := Judge(subject(t, p)); len(r.Worst(9)) != 0 {
		t.Errorf("with no_new_privs: %v", r.Worst(9))
	}
	p.NoNewPrivs = false
	if r := Judge(subject(t, p)); !slices.Contains(r.Worst(9), "capabilities (bounding)") {
		t.Errorf("without: %v", r.Worst(9))
	}
}

// TestWhatCannotBeSeenIsOpen, and what the machine does not have costs nobody anything.
func TestWhatCannotBeSeenIsOpen(t *testing.T) {
	p := closed()
	p.Mounts, p.Namespaces = nil, nil
	s := subject(t, p)
	s.Declared = nil
	r := Judge(s)
	for _, key := range []string{"isolation.protect_system", "isolation.private_tmp", "isolation.private_devices", "isolation.network", "isolation.user", "isolation.landlock"} {
		i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Key == key })
		if f := r.Findings[i]; f.Exposure != f.Most || f.Is != "cannot be seen" {
			t.Errorf("%s: %+v", key, f)
		}
	}
	p = closed()
	p.Label = ""
	if r := Judge(subject(t, p)); r.Exposure != 0 || len(r.Findings) != len(aspects)-1 {
		t.Errorf("without AppArmor: %+v", r)
	}
	if r := Judge(&Subject{}); r.Exposure != 10 {
		t.Errorf("without a process: %v", r.Exposure)
	}
}

func TestTheVerdicts(t *testing.T) {
	for exposure, want := range map[float64]Verdict{0: Tight, 2: Tight, 2.1: Fair, 4.5: Fair, 4.6: Medium, 7: Medium, 7.1: Exposed, 10: Exposed} {
		if got := verdictOf(exposure); got != want {
			t.Errorf("%v is %s, want %s", exposure, got, want)
		}
	}
}

func TestEvidenceNamesTheFile(t *testing.T) {
	r := Judge(subject(t, closed()))
	for _, f := range r.Findings {
		if !strings.Contains(f.Evidence, "/42/") && !strings.Contains(f.Evidence, ".max: ") && f.Key != "isolation.landlock" {
			t.Errorf("%s: %q", f.Key, f.Evidence)
		}
	}
}
