package confine

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/generation"
)

// playground is a tree in which some things are root's alone and others not.
//
//	safe/prog                root's, and so is all above it
//	safe/to-prog             a link to it
//	user/prog                root's file in a directory of user 1234
//	safe/to-user             a link of root's to that
//	open/prog, open/dir/prog in a directory that all may write to, without the sticky bit
//	sticky/prog, sticky/dir/prog, sticky/link the same, with it
//	safe/group               a file that its group may write to
//	safe/owned               a file of user 1234
func playground(t *testing.T) string {
	t.Helper()
	requireRoot(t)
	top := t.TempDir()
	path := func(name string) string { return filepath.Join(top, name) }
	try := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	try(os.Chmod(filepath.Dir(top), 0o755))
	for _, name := range []string{"safe", "user", "open/dir", "sticky/dir"} {
		try(os.MkdirAll(path(name), 0o755))
	}
	for _, name := range []string{"safe/prog", "user/prog", "open/prog", "open/dir/prog", "sticky/prog", "sticky/dir/prog", "safe/group", "safe/owned"} {
		try(os.WriteFile(path(name), []byte("A=from-"+filepath.Base(name)+"\n"), 0o755))
	}
	try(os.Chown(path("user"), 1234, 1234))
	try(os.Chown(path("safe/owned"), 1234, 1234))
	try(os.Chmod(path("safe/group"), 0o775))
	try(os.Chmod(path("open"), 0o777))
	try(os.Chmod(path("sticky"), 0o777|os.ModeSticky))
	try(os.Symlink("prog", path("safe/to-prog")))
	try(os.Symlink("../user/prog", path("safe/to-user")))
	try(os.Symlink(path("safe/prog"), path("user/to-safe")))
	try(os.Symlink(path("safe/prog"), path("sticky/link")))
	try(os.Symlink("loop", path("safe/loop")))
	return top
}

func TestTrustedIsWhatOnlyRootCanChange(t *testing.T) {
	top := playground(t)
	for name, problem := range map[string]string{
		"safe/prog":           "",
		"safe/to-prog":        "",
		"safe/./../safe/prog": "",
		"sticky/dir/prog":     "",
		"safe/../sticky/prog": "lies in a directory that all may write to",
		"safe/to-user":        "belongs to user 1234",
		"user/prog":           "belongs to user 1234",
		"user/to-safe":        "belongs to user 1234",
		"user/../safe/prog":   "belongs to user 1234",
		"user/none":           "belongs to user 1234",
		"open/prog":           "can be written to by others",
		"open/dir/prog":       "can be written to by others",
		"sticky/prog":         "lies in a directory that all may write to",
		"sticky/link":         "lies in a directory that all may write to",
		"safe/group":          "can be written to by others",
		"safe/owned":          "belongs to user 1234",
		"safe/none":           "no such file",
		"safe/loop":           "too many levels",
	} {
		err := trusted(top + "/" + name)
		if (err == nil) != (problem == "") || err != nil && !strings.Contains(err.Error(), problem) {
			t.Errorf("%s: got %v, want %q", name, err, problem)
		}
	}
	if trusted("bin/sh") == nil {
		t.Error("a relative path is trusted")
	}
	if err := trusted("/bin/sh"); err != nil {
		t.Errorf("the shell: %v", err)
	}
}

// Links are followed as far as they are root's, and no further.
func TestALinkThatOthersCanChangeIsNotFollowed(t *testing.T) {
	top := playground(t)
	for name, want := range map[string]string{
		"safe/to-prog": "safe/prog", "safe/to-user": "user/prog", "user/prog": "user/prog", "safe/owned": "safe/owned",
		"open/dir/prog": "open/dir/prog", "sticky/dir": "sticky/dir", "user/../safe/prog": "safe/prog", "user/to-safe": "", "sticky/link": "", "safe/loop": "", "user/none": "",
	} {
		got, err := unlinked(top + "/" + name)
		if (err == nil) != (want != "") || err == nil && got != top+"/"+want {
			t.Errorf("%s leads to %q, %v, want %q", name, got, err, want)
		}
	}
}

// A file that only root can change is read as root; any other only if the user
// may read it, and for user 0 not at all.
func TestAnEnvFileIsReadWithTheUsersAccess(t *testing.T) {
	top := playground(t)
	runtime.LockOSThread() // Not unlocked: the thread ends with this test.
	for _, name := range []string{"safe/prog", "user/prog", "safe/owned", "sticky/prog"} {
		if err := os.Chmod(filepath.Join(top, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	user, root := generation.Identity{UID: 1234, GID: 1234}, generation.Identity{}
	for _, test := range []struct {
		id   generation.Identity
		name string
		want string // what it reads, or the error
	}{
		{user, "safe/prog", "A=from-prog"}, // Root's, and for root alone.
		{user, "safe/to-prog", "A=from-prog"},
		{user, "safe/owned", "A=from-owned"},
		{user, "user/to-safe", "permission denied"}, // The user's link to root's file.
		{user, "user/prog", "permission denied"},    // A hard link to one is like this.
		{user, "sticky/prog", "permission denied"},
		{root, "safe/prog", "A=from-prog"},
		{root, "user/to-safe", "not only root can change it"},
		{root, "safe/owned", "not only root can change it"},
		{root, "safe/none", "no such file"},
		{user, "safe/none", "no such file"},
	} {
		c := &generation.Confinement{Identity: test.id}
		env, err := environment(Request{Service: generation.LaunchService{Confinement: c, Layers: []generation.Layer{{File: top + "/" + test.name}}}})
		got := strings.Join(env, " ")
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, test.want) || err != nil && strings.Contains(got, "from-") {
			t.Errorf("user %d, %s: got %s, want %s", test.id.UID, test.name, got, test.want)
		}
	}
}

func TestUserZeroRunsOnlyWhatIsRoots(t *testing.T) {
	top := playground(t)
	for path, fine := range map[string]bool{
		top + "/safe/prog": true, "safe/prog": true, "./safe/to-prog": true, "safe/../user/prog": false,
		top + "/user/prog": false, top + "/user/to-safe": false, "safe/group": false,
	} {
		if err := rootsOwn(path, top); (err == nil) != fine {
			t.Errorf("%s: %v", path, err)
		}
	}
}
