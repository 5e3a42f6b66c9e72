package seccomp

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// judge runs a filter as the kernel does (net/core/filter.c), for a call with
// the same value in every argument.
func judge(t *testing.T, filter []byte, arch, number uint32, argument uint64) action {
	t.Helper()
	data := binary.LittleEndian.AppendUint32(nil, number)
	data = binary.LittleEndian.AppendUint32(data, arch)
	data = binary.LittleEndian.AppendUint64(data, 0)
	for range 6 {
		data = binary.LittleEndian.AppendUint64(data, argument)
	}
	var a uint32
	for pc := 0; pc*8 < len(filter); pc++ {
		code := filter[pc*8:]
		jt, jf, k := int(code[2]), int(code[3]), binary.LittleEndian.Uint32(code[4:])
		jump := func(yes bool) {
			if yes {
				pc += jt
			} else {
				pc += jf
			}
		}
		switch binary.LittleEndian.Uint16(code) {
		case loadWord:
			a = binary.LittleEndian.Uint32(data[k:])
		case jumpAlways:
			pc += int(k)
		case jumpEqual:
			jump(a == k)
		case jumpLeast:
			jump(a >= k)
		case jumpBits:
			jump(a&k != 0)
		case returns:
			return action(k)
		default:
			t.Fatalf("instruction %d is none of ours", pc)
		}
	}
	t.Fatal("the filter ends without a word")
	return 0
}

func compile(t *testing.T, goarch string, p Profile) []byte {
	t.Helper()
	compiled, err := Compile(goarch, p)
	if err != nil {
		t.Fatal(err)
	}
	return compiled.Filter
}

// TestTheProfilesAreTheFrozenOnes: what a new table or list changes is seen
// line by line.
func TestTheProfilesAreTheFrozenOnes(t *testing.T) {
	for _, name := range []string{Service, Strict} {
		var text strings.Builder
		for _, call := range Calls() {
			fmt.Fprintf(&text, "%-24s %s\n", call, (&Profile{Name: name}).named(call))
		}
		golden := filepath.Join("testdata", name+".txt")
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
			t.Errorf("profile %s is not as in %s: run with -update, and weigh the difference", name, golden)
		}
	}
}

// TestTheFilterSaysWhatTheRulesSay asks each filter for each number.
func TestTheFilterSaysWhatTheRulesSay(t *testing.T) {
	for _, m := range machines {
		for _, p := range []Profile{{Name: Service}, {Name: Strict}, {Allow: []string{"read", "clone3"}, Kill: true}, {Deny: []string{"ptrace", "bpf", "clone3"}}} {
			filter, calls := compile(t, m.goarch, p), m.numbers()
			rules, err := p.rules(calls)
			if err != nil {
				t.Fatal(err)
			}
			for name, number := range calls {
				want := rules[name]
				if want.look != nil {
					continue // TestArgumentsAreSeen
				}
				if got := judge(t, filter, m.arch, number, 0); got != want.action {
					t.Errorf("%s, %+v: %s (%d) gets %s, want %s", m.goarch, p, name, number, got, want)
				}
			}
			for _, number := range []uint32{1000, 0x40000000, 0x40000001, 1 << 31, 1<<32 - 1} {
				if got := judge(t, filter, m.arch, number, 0); got != enosys {
					t.Errorf("%s, %+v: call %#x gets %s", m.goarch, p, number, got)
				}
			}
			for _, foreign := range []uint32{0x40000003, 0xc000003e ^ 0xc00000b7 ^ m.arch, 0x40000028, 0} {
				if got := judge(t, filter, foreign, 1, 0); got != kill {
					t.Errorf("%s, %+v: a call of architecture %#x gets %s", m.goarch, p, foreign, got)
				}
			}
		}
	}
}

func TestArgumentsAreSeen(t *testing.T) {
	const above = 7 << 32 // The kernel ignores it, and so must the filter.
	for _, m := range machines {
		calls := m.numbers()
		for _, name := range []string{Service, Strict} {
			filter := compile(t, m.goarch, Profile{Name: name})
			family := map[string]action{Service: allow, Strict: noFamily}[name]
			for _, c := range []struct {
				call     string
				argument uint64
				want     action
			}{
				{"clone", 0x11, allow},
				{"clone", 0x3d0f00, allow}, // what glibc makes threads with
				{"clone", 0x10000000 | 0x11, eperm},
				{"clone", 0x00020000, eperm},
				{"clone", above | 0x40000000, eperm},
				{"clone", above | 0x11, allow},
				{"unshare", 0x200, allow}, // CLONE_FS
				{"unshare", 0x80, eperm},
				{"unshare", above | 0x10000000, eperm},
				{"personality", 0xffffffff, allow},
				{"personality", 0, allow},
				{"personality", 0x40000, eperm},
				{"ioctl", 0x5412, eperm},
				{"ioctl", above | 0x5412, eperm},
				{"ioctl", 0x541c, eperm},
				{"ioctl", 0x5401, allow},
				{"socket", 1, allow},
				{"socket", 2, allow},
				{"socket", 10, allow},
				{"socket", 16, allow},
				{"socket", 40, family}, // AF_VSOCK
				{"socket", above | 38, family},
			} {
				if got := judge(t, filter, m.arch, calls[c.call], c.argument); got != c.want {
					t.Errorf("%s, %s: %s(%#x) gets %s, want %s", m.goarch, name, c.call, c.argument, got, c.want)
				}
			}
		}
	}
}

// TestAFilterIsSmall: a generation may have thousands of services.
func TestAFilterIsSmall(t *testing.T) {
	for name, most := range map[string]int{Service: 1400, Strict: 1800} {
		for _, m := range machines {
			if filter := compile(t, m.goarch, Profile{Name: name}); len(filter) > most || len(filter)%8 != 0 {
				t.Errorf("%s on %s has %d bytes", name, m.goarch, len(filter))
			}
		}
	}
	// The worst that lists can ask for: every second number.
	var every []string
	for call, number := range machines[0].numbers() {
		if number%2 == 0 && !slices.Contains(always, call) {
			every = append(every, call)
		}
	}
	filter := compile(t, "amd64", Profile{Deny: every})
	if len(filter) > 4096*8 || len(filter) < 600*8 { // Half of it is out of reach of a conditional jump.
		t.Errorf("the largest filter has %d bytes", len(filter))
	}
	for name, number := range machines[0].numbers() {
		want := slices.Contains(every, name)
		if got := judge(t, filter, machines[0].arch, number, 0) != allow; got != want {
			t.Errorf("%s is refused: %v", name, got)
		}
	}
}

func TestListsOfOnesOwn(t *testing.T) {
	calls := machines[0].numbers()
	for _, c := range []struct {
		profile Profile
		call    string
		want    action
	}{
		{Profile{Allow: []string{"read"}}, "read", allow},
		{Profile{Allow: []string{"read"}}, "execve", allow},
		{Profile{Allow: []string{"read"}}, "openat", eperm},
		{Profile{Allow: []string{"read"}}, "clone3", enosys},
		{Profile{Allow: []string{"read"}}, "shmget", enosys},
		{Profile{Allow: []string{"read"}, Kill: true}, "clone3", kill},
		{Profile{Allow: []string{"read", "openat"}, Deny: []string{"openat"}}, "openat", eperm},
		{Profile{Deny: []string{"ptrace"}}, "ptrace", eperm},
		{Profile{Deny: []string{"ptrace"}}, "mount", allow},
		{Profile{Deny: []string{"ptrace"}, Kill: true}, "ptrace", kill},
		{Profile{Deny: []string{"pread"}}, "pread64", eperm},
	} {
		filter := compile(t, "amd64", c.profile)
		if got := judge(t, filter, machines[0].arch, calls[c.call], 0); got != c.want {
			t.Errorf("%+v: %s gets %s, want %s", c.profile, c.call, got, c.want)
		}
	}
}

func TestWhatCannotBeCompiledIsRefused(t *testing.T) {
	for want, p := range map[string]Profile{
		`cannot compile seccomp profile "baseline": there are service and strict`:                      {Name: "baseline"},
		`there is no system call "opennat"`:                                                            {Allow: []string{"opennat"}},
		`there is no system call "readd"`:                                                              {Deny: []string{"readd"}},
		`execve cannot be denied: the filter is there before the program, which could not be started`:  {Deny: []string{"execve"}},
		`fstatat cannot be denied: the filter is there before the program, which could not be started`: {Deny: []string{"fstatat"}},
	} {
		if _, err := Compile("amd64", p); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := Compile("riscv64", Profile{Name: Service}); err == nil {
		t.Error("a filter was made for a machine whose calls nobody knows")
	}
}

// TestEveryNameInAListIsACall: a misspelt name would guard nothing.
func TestEveryNameInAListIsACall(t *testing.T) {
	known := set(Calls())
	for _, name := range slices.Concat(refused, absent, refusedStrictly, absentStrictly, always) {
		if !known[name] {
			t.Errorf("there is no system call %q", name)
		}
	}
	for _, m := range []map[string]rule{looks, looksStrictly} {
		for name := range m {
			if !known[name] {
				t.Errorf("there is no system call %q", name)
			}
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		if _, err := Compile("amd64", Profile{Name: Service}); err != nil {
			b.Fatal(err)
		}
	}
}
