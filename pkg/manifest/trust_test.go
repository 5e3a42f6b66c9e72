package manifest

import (
	"errors"
	"strings"
	"testing"
)

func TestWhoMayDecideWhatRuns(t *testing.T) {
	user := Caller{EUID: 1000, PrivateGID: 1000, HasPrivate: true}
	system := Caller{EUID: 0, PrivateGID: 0, HasPrivate: true, System: true}
	sudo := Caller{EUID: 0, HasPrivate: true, SudoUID: 1000, HasSudo: true}
	mine := File{Path: "/srv/my app.yaml", Regular: true, Perm: 0o644, UID: 1000, GID: 1000}
	roots := File{Path: "/etc/app.yaml", Regular: true, Perm: 0o644}
	with := func(f File, change func(*File)) File { change(&f); return f }
	link := func(f *File) { f.Symlink = true }
	for _, test := range []struct {
		name   string
		file   File
		caller Caller
		reason string // "" if it may
		mend   string
	}{
		{"own file", mine, user, "", ""},
		{"root's file", roots, user, "", ""},
		{"root's file in system mode", roots, system, "", ""},
		{"no regular file", with(mine, func(f *File) { f.Regular = false }), user, "regular", ""},
		{"somebody else's", with(mine, func(f *File) { f.UID = 1001 }), user, "uid 1001", ""},
		{"a user's in system mode", mine, system, "uid 1000", ""},
		{"one's own, for the system's instance", mine, Caller{EUID: 1000, PrivateGID: 1000, HasPrivate: true, System: true}, "root runs nothing that another can change", "install -o root"},
		{"the user's own under sudo", mine, sudo, "uid 1000", "install -o root -g root -m 0644 -- '/srv/my app.yaml' /etc/systemg/"},
		{"a third user's under sudo", with(mine, func(f *File) { f.UID = 1001 }), sudo, "uid 1001", ""},
		{"writable by all", with(mine, func(f *File) { f.Perm = 0o646 }), user, "everybody", "chmod o-w -- '/srv/my app.yaml'"},
		{"root's, writable by all", with(roots, func(f *File) { f.Perm = 0o666 }), user, "everybody", "chmod o-w -- /etc/app.yaml"},
		{"writable by the private group", with(mine, func(f *File) { f.Perm = 0o664 }), user, "", ""},
		{"writable by another group", with(mine, func(f *File) { f.Perm, f.GID = 0o664, 100 }), user, "group 100", "chmod g-w -- '/srv/my app.yaml'"},
		{"writable by a group, none private", with(mine, func(f *File) { f.Perm = 0o664 }), Caller{EUID: 1000}, "group 1000", "chmod g-w"},
		{"writable by the group in system mode", with(roots, func(f *File) { f.Perm = 0o664 }), system, "group 0", "chmod g-w"},
		{"a link to one's own", with(mine, link), user, "", ""},
		{"a link to root's", with(roots, link), user, "symbolic link", "name the file itself"},
		{"a link in system mode", with(roots, link), system, "symbolic link", "name the file itself"},
		{"a link to a file that all can write", with(mine, func(f *File) { f.Symlink, f.Perm = true, 0o666 }), user, "everybody", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := Judge(test.file, test.caller)
			if test.reason == "" {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				return
			}
			var untrusted *Untrusted
			if !errors.As(err, &untrusted) {
				t.Fatalf("got %v, want a refusal", err)
			}
			if !strings.Contains(untrusted.Reason, test.reason) || !strings.Contains(untrusted.Mend, test.mend) {
				t.Errorf("got %q, mend %q", untrusted.Reason, untrusted.Mend)
			}
		})
	}
}
