package generation

import (
	"reflect"
	"strings"
	"testing"
)

// confined is shop with a service that has all that the system's instance can do.
func confined() *Generation {
	g := shop()
	s, l := api(g)
	l.NoNewPrivs = true
	l.Confinement = &Confinement{
		Identity:     Identity{Name: "nobody", Home: "/nonexistent", Shell: "/usr/sbin/nologin", UID: 65534, GID: 65534, Groups: []uint32{4, 44}, Dropped: true},
		Capabilities: 1<<10 | 1<<40,
		Network:      true, Mount: true, PID: true, User: true, IPC: true, UTS: true, Cgroup: true, Init: true,
		PrivateTmp: true, PrivateDevices: true, ProtectSystem: ProtectStrict,
		ReadOnly: []string{"/etc"}, ReadWrite: []string{"/srv"}, Inaccessible: []string{"/root"},
		Seccomp:  &Seccomp{Name: "strict", Filter: make([]byte, 16)},
		Landlock: &Landlock{ReadOnly: []string{"/usr"}, ReadWrite: []string{"/tmp"}, Bind: []uint16{80}, Connect: []uint16{}},
		AppArmor: "web", SELinux: "system_u:system_r:httpd_t:s0", BestEffort: []string{"landlock", "network"},
	}
	l.Cgroup = &Cgroup{Root: "/sys/fs/cgroup/test", Files: []CgroupFile{{"memory.max", "1048576"}, {"io.max", "8:0 rbps=1"}}}
	s.User, s.Dropped = "nobody", true
	s.Sockets = []Socket{{Name: "app", Kind: SocketUnix, Address: "/run/app", Owner: &Owner{UID: 1, GID: 2}}}
	l.Sockets = s.Sockets
	Seal(g)
	return g
}

func TestAConfinedServiceComesBackAsItWent(t *testing.T) {
	want := confined()
	text, err := Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	if got.Launch.Services[0].Confinement.Landlock.Connect == nil {
		t.Error("no port at all has become every port")
	}
}

// TestAConfinementThatIsWrongIsRefused breaks one thing at a time, as somebody
// would who writes a generation by hand.
func TestAConfinementThatIsWrongIsRefused(t *testing.T) {
	for _, test := range []struct {
		want  string
		spoil func(*Service, *LaunchService)
	}{
		{"the number that means none", func(_ *Service, l *LaunchService) { l.Confinement.Identity.UID = noID }},
		{"the number that means none", func(_ *Service, l *LaunchService) { l.Confinement.Identity.GID = noID }},
		{"the number that means none", func(_ *Service, l *LaunchService) { l.Confinement.Identity.Groups = []uint32{noID} }},
		{"groups are not sorted", func(_ *Service, l *LaunchService) { l.Confinement.Identity.Groups = []uint32{2, 1} }},
		{"groups are not sorted", func(_ *Service, l *LaunchService) { l.Confinement.Identity.Groups = []uint32{1, 1} }},
		{"name of its user", func(_ *Service, l *LaunchService) { l.Confinement.Identity.Name = "a\nb" }},
		{"name of its user", func(_ *Service, l *LaunchService) { l.Confinement.Identity.Name = "a=b" }},
		{"home of its user", func(_ *Service, l *LaunchService) { l.Confinement.Identity.Home = "srv" }},
		{"shell of its user", func(_ *Service, l *LaunchService) { l.Confinement.Identity.Shell = "/a\x00" }},
		{"capability is unknown", func(_ *Service, l *LaunchService) { l.Confinement.Capabilities = 1 << 41 }},
		{"init is without pid", func(_ *Service, l *LaunchService) { l.Confinement.PID = false }},
		{"protect_system", func(_ *Service, l *LaunchService) { l.Confinement.ProtectSystem = "false" }},
		{"path of isolation", func(_ *Service, l *LaunchService) { l.Confinement.ReadOnly = []string{"etc"} }},
		{"path of isolation", func(_ *Service, l *LaunchService) { l.Confinement.ReadWrite = []string{""} }},
		{"path of isolation", func(_ *Service, l *LaunchService) { l.Confinement.Inaccessible = []string{"~"} }},
		{"seccomp filter", func(_ *Service, l *LaunchService) { l.Confinement.Seccomp.Filter = nil }},
		{"seccomp filter", func(_ *Service, l *LaunchService) { l.Confinement.Seccomp.Filter = make([]byte, 12) }},
		{"seccomp filter", func(_ *Service, l *LaunchService) { l.Confinement.Seccomp.Filter = make([]byte, maxFilter+8) }},
		{"path of landlock", func(_ *Service, l *LaunchService) { l.Confinement.Landlock.ReadWrite = []string{"x"} }},
		{"apparmor_profile", func(_ *Service, l *LaunchService) { l.Confinement.AppArmor = "a\nb" }},
		{"selinux_context", func(_ *Service, l *LaunchService) { l.Confinement.SELinux = "a\x00" }},
		{"best_effort", func(_ *Service, l *LaunchService) { l.Confinement.BestEffort = []string{"capabilities"} }},
		{"no_new_privileges", func(_ *Service, l *LaunchService) { l.NoNewPrivs = false }},
		{"root of its cgroup", func(_ *Service, l *LaunchService) { l.Cgroup.Root = "test" }},
		{"cgroup file", func(_ *Service, l *LaunchService) { l.Cgroup.Files[0].Name = "../cgroup.procs" }},
		{"cgroup file", func(_ *Service, l *LaunchService) { l.Cgroup.Files[0].Name = "cgroup.procs" }},
		{"stands twice", func(_ *Service, l *LaunchService) { l.Cgroup.Files[1].Name = "memory.max" }},
		{"written to memory.max", func(_ *Service, l *LaunchService) { l.Cgroup.Files[0].Value = "1\n2" }},
		{"socket", func(s *Service, l *LaunchService) { s.Sockets[0].Owner.GID = noID }},
		{"socket", func(s *Service, l *LaunchService) {
			s.Sockets[0] = Socket{Name: "a", Kind: SocketTCP, Address: "[::]:80", Owner: &Owner{}}
		}},
		{"do not agree", func(s *Service, l *LaunchService) {
			l.Sockets = []Socket{l.Sockets[0]}
			l.Sockets[0].Owner = &Owner{UID: 1, GID: 3}
		}},
		{"do not agree", func(s *Service, l *LaunchService) { s.Dropped = false }},
	} {
		g := confined()
		test.spoil(api(g))
		Seal(g)
		if err := g.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("want a refusal that says %q, got %v", test.want, err)
		}
	}
}
