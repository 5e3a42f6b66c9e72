package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/digest"
	"systemg.org/sysg/pkg/order"
)

// A command that is in no manifest gets one of its own, STATE/units/NAME-HASH.yaml:
// so it is a service like any other, which status shows and restart restarts.
// The same command from the same folder is the same service.

const (
	// unitsKept and unitsAge bound what is kept of commands that ended.
	unitsKept = 200
	unitsAge  = 30 * 24 * time.Hour
)

// stage writes the manifest of the command and makes it the one to start.
func (s *start) stage(a *app) error {
	home, err := a.home()
	if err != nil {
		return err
	}
	folder, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("cannot tell the working directory: %w", err)
	}
	if err := s.named(a); err != nil {
		return err
	}
	u, err := newUnit(s.name, folder, s.command, s.runAs)
	if err != nil {
		return err
	}
	a.warnOfRoot(home.state)
	units := home.units()
	for _, dir := range []string{home.state, units} {
		if err := privateFolder(dir); err != nil {
			return err
		}
	}
	path := filepath.Join(units, u.file)
	// Whole at every moment: another sysg may be about to read it.
	if err := os.WriteFile(path+".new", []byte(u.text), 0o600); err != nil {
		return fmt.Errorf("cannot write the manifest of the command: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("cannot write the manifest of the command: %w", err)
	}
	pruneUnits(units, path, time.Now())
	s.config, s.scope.services = path, []string{u.service}
	return nil
}

// named refuses a command in the system's instance of which nothing says as whom
// it is to run: the manifest that is made of it would be refused, and is not one
// that anybody could complete.
func (s *start) named(a *app) error {
	if !a.system || s.runAs != "" || a.drops() {
		return nil
	}
	settings, err := a.conf()
	if err == nil && settings.DefaultUser == "" {
		err = &usage{"start", "a command in the system's instance needs --run-as USER; root, if that is meant"}
	}
	return err
}

// units is the folder of the manifests of commands.
func (i *instance) units() string { return filepath.Join(i.state, "units") }

// written are the selections whose manifest somebody wrote.
func (i *instance) written(selections []selection, snapshot api.Snapshot) []selection {
	return slices.DeleteFunc(slices.Clone(selections), func(s selection) bool {
		return slices.ContainsFunc(snapshot.Units, func(u api.Unit) bool {
			return u.Project.ID == s.project && filepath.Dir(u.Project.ConfigPath) == i.units()
		})
	})
}

// unit is the manifest of one command.
type unit struct {
	service, file, text string
}

// newUnit is the manifest of a command, run as somebody else where user is not "".
func newUnit(name, folder string, command []string, user string) (unit, error) {
	var all []byte
	for _, text := range append([]string{folder}, command...) {
		if !utf8.ValidString(text) {
			return unit{}, &usage{"start", fmt.Sprintf("%q is not UTF-8, which a manifest has to be", text)}
		}
		all = append(append(all, text...), 0)
	}
	hash := digest.Hex(all)[:12]
	u := unit{service: slug(name)}
	u.file = u.service + "-" + hash + ".yaml"
	if u.service == "" {
		u.service = strings.TrimPrefix(slug(filepath.Base(command[0]))+"-"+hash, "-")
		u.file = u.service + ".yaml"
	}
	var argv []string
	for _, word := range command {
		argv = append(argv, literal(word))
	}
	u.text = fmt.Sprintf("# Made by sysg start.\nversion: \"3\"\nservices:\n  %s:\n    exec: [%s]\n    working_dir: %s\n",
		literal(u.service), strings.Join(argv, ", "), literal(folder))
	if user != "" {
		u.text += "    user: " + literal(user) + "\n"
	}
	return u, nil
}

// slug is a name made of what file names and services may have.
func slug(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_', r == '-':
			b.WriteRune(r)
		default:
			b.WriteByte('-')
		}
	}
	text := strings.Trim(b.String(), "-")
	return text[:min(len(text), 40)]
}

// literal is text as a YAML value that means just this: JSON's strings are
// YAML's, and $$ is a dollar that expands nothing.
func literal(text string) string {
	quoted, err := json.Marshal(strings.ReplaceAll(text, "$", "$$"))
	if err != nil {
		panic("bug: a string that does not marshal: " + err.Error())
	}
	return string(quoted)
}

// pruneUnits removes manifests that are old, or too many, but not kept. Of what
// still runs the supervisor has all it needs.
func pruneUnits(folder, kept string, now time.Time) {
	type file struct {
		path string
		at   time.Time
	}
	var files []file
	entries, _ := os.ReadDir(folder)
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			files = append(files, file{filepath.Join(folder, entry.Name()), info.ModTime()})
		}
	}
	order.By(files, func(a, b *file) int { return b.at.Compare(a.at) })
	for i, f := range files {
		if f.path != kept && (i >= unitsKept || now.Sub(f.at) > unitsAge) {
			_ = os.Remove(f.path) // It is only litter.
		}
	}
}
