package main

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/seccomp"
	"systemg.org/sysg/pkg/spec"
)

// A script of root's, for user 0, is as good as what interprets it: in a folder
// of a group's anybody of that could put something else there.
func TestAScriptForUserZeroIsInterpretedByWhatIsRoots(t *testing.T) {
	c := startSystem(t).dial()
	c.list()
	dir := openTo(t)
	err := errors.Join(os.Mkdir(dir+"/group", 0o755), os.Chown(dir+"/group", 0, strangerUID), os.Chmod(dir+"/group", 0o775),
		os.Symlink("/bin/sh", dir+"/group/sh"), os.Symlink(dir+"/group/sh", dir+"/sh"), os.Symlink("/bin/sh", dir+"/roots"))
	if err != nil {
		t.Fatal(err)
	}
	script := func(name, interpreter string) generation.LaunchService {
		path := dir + "/" + name
		if err := os.WriteFile(path, []byte("#!"+interpreter+"\necho "+name+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return runsAs(0, program(name, path))
	}
	nested, linked, fine := script("nested", dir+"/direct"), script("linked", dir+"/sh"), script("fine", dir+"/roots")
	direct := script("direct", dir+"/group/sh")
	theirs := runsAs(serviceUID, direct)
	theirs.Name = "theirs"
	all := []generation.LaunchService{direct, fine, linked, nested, theirs}
	staged := func(name string, edit func(*generation.LaunchService)) {
		for _, s := range []generation.LaunchService{fine, linked} {
			s.Confinement = &generation.Confinement{}
			s.Name, s.NoNewPrivs = name+"-"+s.Name, true
			edit(&s)
			all = append(all, s)
		}
	}
	filter := filterOf(t, seccomp.Profile{Allow: []string{"exit"}, Kill: true})
	staged("as-umask", func(s *generation.LaunchService) { s.Umask = 0o027 })
	staged("by-landlock", func(s *generation.LaunchService) {
		s.Confinement.Landlock = &generation.Landlock{ReadOnly: []string{"/"}}
	})
	staged("in-mounts", func(s *generation.LaunchService) { s.Confinement.ProtectSystem = generation.ProtectStrict })
	staged("of-seccomp", func(s *generation.LaunchService) { s.Confinement.Seccomp = filter })
	slices.SortFunc(all, func(a, b generation.LaunchService) int { return strings.Compare(a.Name, b.Name) })
	in := c.install(all...)
	for _, s := range all {
		if strings.HasSuffix(s.Name, "fine") || s.Name == "theirs" { // Which is no affair of root's.
			said := readAll(t, c.launch(in, s.Name).out)
			if !strings.HasPrefix(s.Name, "of-") && said != "fine\n" && said != "direct\n" {
				t.Errorf("%s says %q", s.Name, said)
			}
			continue
		}
		failed := c.fails(in, s.Name)
		if failed.Stage != spec.StageExec || !strings.HasPrefix(failed.Detail, "user: ") || !strings.Contains(failed.Detail, "an interpreter that only root can change") {
			t.Errorf("%s: %+v", s.Name, failed)
		}
	}
}
