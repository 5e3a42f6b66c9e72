package manifest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMigratedForm holds each old manifest against what it becomes, which must
// mean the same and must not change again.
func TestMigratedForm(t *testing.T) {
	eachManifest(t, "testdata/migrate/*.yaml", func(t *testing.T, file string, text []byte) {
		migrated, err := Migrate("/srv/app/systemg.yaml", text)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, strings.TrimSuffix(file, ".yaml")+".migrated", string(migrated))
		again, err := Migrate("/srv/app/systemg.yaml", migrated)
		if err != nil || string(again) != string(migrated) {
			t.Errorf("it changes once more: %v\n%s", err, again)
		}
		before, err := Parse("/srv/app/systemg.yaml", text, options())
		if err != nil {
			t.Fatal(err)
		}
		after, err := Parse("/srv/app/systemg.yaml", migrated, options())
		if err != nil {
			t.Fatal(err)
		}
		if meaning(t, before) != meaning(t, after) {
			t.Error("it means something else than before")
		}
	})
}

// meaning is what a manifest compiles to, but for the sum of its text.
func meaning(t *testing.T, m *Manifest) string {
	t.Helper()
	m.files.sums[m.Path] = ""
	return compiled(t, m)
}

func TestManifestsThatLinesCannotMigrate(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"no YAML", "a: [", "cannot parse YAML"},
		{"a list", "- a\n", "no mapping"},
		{"both forms", "project: a\nservices: {a: {command: x}}\nprojects: {}\n", "both project and projects"},
		{"no services", "project: a\n", "no services"},
		{"in braces", "{project: a, services: {a: {command: x}}}\n", "in braces"},
		{"indented", "  project: a\n  services: {a: {command: x}}\n", "indented"},
		{"an id from a variable", "project: $HOST\nservices: {a: {command: x}}\n", "cannot tell the id"},
		{"an id from another file", "project: !include id.yaml\nservices: {a: {command: x}}\n", "cannot tell the id"},
		{"no id", "project: {name: x}\nservices: {a: {command: x}}\n", "cannot tell the id"},
		{"a bad id", "project: .x\nservices: {a: {command: x}}\n", "cannot be the id"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Migrate("/srv/x.yaml", []byte(test.text))
			var problems Problems
			if !errors.As(err, &problems) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func FuzzMigrate(f *testing.F) {
	for _, pattern := range []string{"testdata/migrate/*.yaml", "testdata/good/*.yaml", "testdata/bad/*.yaml"} {
		seeds, err := filepath.Glob(pattern)
		if err != nil || len(seeds) == 0 {
			f.Fatalf("no seeds at %s: %v", pattern, err)
		}
		for _, seed := range seeds {
			text, err := os.ReadFile(seed)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		migrated, err := Migrate("/srv/app/systemg.yaml", text)
		if err != nil {
			return
		}
		before, err := Parse("/srv/app/systemg.yaml", text, options())
		if err != nil {
			return
		}
		after, err := Parse("/srv/app/systemg.yaml", migrated, options())
		if err != nil {
			t.Fatalf("a good manifest is migrated to a bad one: %v\n%s", err, migrated)
		}
		if len(before.Projects) != len(after.Projects) {
			t.Fatalf("%d projects become %d", len(before.Projects), len(after.Projects))
		}
		for i := range before.Projects {
			if b, a := before.Projects[i], after.Projects[i]; b.ID != a.ID || b.Name != a.Name || len(b.Services) != len(a.Services) {
				t.Fatalf("project %q becomes another\n%s", b.ID, migrated)
			}
		}
	})
}
