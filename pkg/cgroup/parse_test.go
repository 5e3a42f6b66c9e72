package cgroup

import (
	"slices"
	"testing"
)

const hybridTable = `23 1 254:0 / / rw,relatime - ext4 /dev/root rw
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw
`

func TestMountsAreFoundByTypeWhereverTheyAre(t *testing.T) {
	for _, test := range []struct {
		name, table string
		want        []Mount
	}{
		{"hybrid", hybridTable, []Mount{{"/sys/fs/cgroup/unified", "/"}}},
		{"none", "23 1 254:0 / / rw,relatime - ext4 /dev/root rw\n", nil},
		{
			"a blank in the path", `41 31 0:38 / /mnt/my\040cg rw - cgroup2 none rw`,
			[]Mount{{"/mnt/my cg", "/"}},
		},
		{
			"the whole tree before a part of it",
			"1 2 0:3 /docker/abc /a rw - cgroup2 none rw\n2 2 0:3 / /b rw - cgroup2 none rw\n",
			[]Mount{{"/b", "/"}, {"/a", "/docker/abc"}},
		},
		{"a line cut short", "1 2 0:3 / - cgroup2 none rw", nil},
		{"a name that only contains cgroup2", "1 2 0:3 / /cgroup2 rw - cgroup2fs none rw", nil},
	} {
		if got := ParseMounts(test.table); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

func TestPathsAreSeenBelowTheMountOrNotAtAll(t *testing.T) {
	for _, test := range []struct {
		root, path, want string
		seen             bool
	}{
		{"/", "/", "", true},
		{"/", "/user.slice/a.service", "user.slice/a.service", true},
		{"/docker/abc", "/docker/abc/x", "x", true},
		{"/docker/abc", "/docker/abc", "", true},
		{"/docker/abc", "/docker/abcd", "", false},
		{"/docker/abc", "/elsewhere", "", false},
		{"/", "/../outside", "", false},
		{"/", "/..", "", false},
	} {
		got, seen := Mount{Root: test.root}.Below(test.path)
		if got != test.want || seen != test.seen {
			t.Errorf("%+v: got %q, %v", test, got, seen)
		}
	}
}

func TestOwnIsTheVersionTwoLine(t *testing.T) {
	for text, want := range map[string]string{
		"9:name=systemd:/x\n8:pids:/\n0::/user.slice/me\n": "/user.slice/me",
		"0::/\n":               "/",
		"8:pids:/\n":           "",
		"":                     "",
		"0::/gone (deleted)\n": "",
	} {
		got, found := ParseOwn(text)
		if found != (want != "") || (found && got != want) {
			t.Errorf("%q: got %q, %v", text, got, found)
		}
	}
}

func TestEventsAreReadStrictlyButTakeNewKeys(t *testing.T) {
	for text, want := range map[string]Events{
		"populated 1\nfrozen 0\n": {Populated: true},
		"populated 0\nfrozen 1\n": {Frozen: true},
		"populated 0\n":           {},
		"later 7\npopulated 1\n":  {Populated: true},
	} {
		if got, err := ParseEvents(text); err != nil || got != want {
			t.Errorf("%q: got %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "frozen 0\n", "populated\n"} {
		if _, err := ParseEvents(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestProcsAreNumbers(t *testing.T) {
	got, err := ParseProcs("12\n0\n345\n")
	if err != nil || !slices.Equal(got, []int{12, 345}) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, text := range []string{"x\n", "-1\n", "99999999999\n", "1 2\n"} {
		if _, err := ParseProcs(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func FuzzParsers(f *testing.F) {
	for _, seed := range []string{hybridTable, `1 2 3 / /a\04 - cgroup2`, "0::/x\n", "populated 1\nfrozen 0\n", "12\n0\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, mount := range ParseMounts(text) {
			if below, seen := mount.Below(text); seen && len(below) > 0 && below[0] == '/' {
				t.Errorf("path %q is not below the mount", below)
			}
		}
		if path, found := ParseOwn(text); found && path[0] != '/' {
			t.Errorf("own path %q is not absolute", path)
		}
		_, _ = ParseEvents(text)
		pids, err := ParseProcs(text)
		if err == nil && slices.ContainsFunc(pids, func(pid int) bool { return pid <= 0 }) {
			t.Errorf("pids %v", pids)
		}
	})
}
