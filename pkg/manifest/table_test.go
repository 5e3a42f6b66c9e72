package manifest

import (
	"os"
	"slices"
	"testing"

	"gopkg.in/yaml.v3"
)

// tables are all tables that a manifest is read by, and that of sysgd.conf.
func tables() []*Object {
	found := []*Object{&rootObject, &settingsObject}
	for i := 0; i < len(found); i++ {
		for _, k := range found[i].Keys {
			if k.Type.Object != nil && !slices.Contains(found, k.Type.Object) {
				found = append(found, k.Type.Object)
			}
		}
	}
	return found
}

func TestEveryRowIsComplete(t *testing.T) {
	if len(tables()) < 25 {
		t.Errorf("only %d tables are reached", len(tables()))
	}
	for _, o := range tables() {
		seen := map[string]bool{}
		for _, k := range o.Keys {
			if k.Name == "" || k.Doc == "" || seen[k.Name] {
				t.Errorf("%s: key %q has no doc, or is there twice", o.Name, k.Name)
			}
			seen[k.Name] = true
			if k.Type.read == nil || k.Type.Name == "" || k.Type.Accepts == "" || k.Type.form == nil || k.field == nil {
				t.Errorf("%s: key %q cannot be read", o.Name, k.Name)
			}
			if k.AliasOf != "" && o.find(k.AliasOf) < 0 {
				t.Errorf("%s: key %q is an alias of nothing", o.Name, k.Name)
			}
		}
	}
}

func TestDefaultsCanBeRead(t *testing.T) {
	r := &reader{}
	s := r.blankService()
	r.defaults(&healthObject, &Health{})
	r.defaults(&logsObject, &s.Logs)
	if len(r.problems) > 0 {
		t.Errorf("defaults that cannot be read: %v", r.problems)
	}
}

// TestEveryKeyIsTried keeps the golden files complete: each row of each table is
// in a manifest that is accepted, in one of the two modes.
func TestEveryKeyIsTried(t *testing.T) {
	tried := map[string]bool{}
	for _, pattern := range []string{"testdata/good/*.yaml", "testdata/system/*.yaml"} {
		eachManifest(t, pattern, func(t *testing.T, file string, _ []byte) {
			tryKeys(&rootObject, parseFile(t, file), tried)
		})
	}
	// Those of sysgd.conf alone have tests of their own.
	ofSettings := map[*Object]bool{&settingsObject: true, &timeoutsObject: true, &startObject: true, &defaultsObject: true, &accessObject: true}
	for _, o := range tables() {
		for _, k := range o.Keys {
			name := o.Name + ": " + k.Name
			if !tried[name] && !ofSettings[o] {
				t.Errorf("%s is in no manifest of testdata", name)
			}
		}
	}
}

// tryKeys notes the rows by which a node is read.
func tryKeys(o *Object, n *yaml.Node, tried map[string]bool) {
	n = target(n)
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		row := o.find(n.Content[i].Value)
		if row < 0 {
			continue
		}
		tried[o.Name+": "+o.Keys[row].Name] = true
		if nested := o.Keys[row].Type.Object; nested != nil {
			tryNested(nested, o.Keys[row].Name, target(n.Content[i+1]), tried)
		}
	}
}

func tryNested(o *Object, name string, n *yaml.Node, tried map[string]bool) {
	items := []*yaml.Node{n}
	switch {
	case n.Kind == yaml.SequenceNode:
		items = n.Content
	case name == "services" || name == "projects":
		items = nil
		for i := 1; i < len(n.Content); i += 2 {
			items = append(items, n.Content[i])
		}
	}
	for _, item := range items {
		tryKeys(o, item, tried)
	}
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func parseFile(t *testing.T, file string) *yaml.Node {
	t.Helper()
	var node yaml.Node
	if err := yaml.Unmarshal([]byte(readFile(t, file)), &node); err != nil {
		t.Fatal(err)
	}
	return node.Content[0]
}
