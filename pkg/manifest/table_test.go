package manifest

import (
	"os"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// objects are all tables, by where an example of each is in every-key.yaml.
var objects = []struct {
	object *Object
	path   []string
}{
	{&rootObject, nil},
	{&envObject, []string{"projects", "shop", "services", "full", "env"}},
	{&projectObject, []string{"projects", "shop"}},
	{&serviceObject, []string{"projects", "shop", "services", "full"}},
	{&exitsObject, []string{"projects", "shop", "services", "full", "exit_codes"}},
	{&stopObject, []string{"projects", "shop", "services", "full", "stop"}},
	{&logsObject, []string{"projects", "shop", "services", "full", "logs"}},
	{&limitsObject, []string{"projects", "shop", "services", "full", "limits"}},
	{&deploymentObject, []string{"projects", "shop", "services", "full", "deployment"}},
	{&healthObject, []string{"projects", "shop", "services", "full", "deployment", "health_check"}},
}

func TestEveryRowIsComplete(t *testing.T) {
	for _, entry := range append(objects, struct {
		object *Object
		path   []string
	}{&oneProjectObject, nil}, struct {
		object *Object
		path   []string
	}{&dependencyObject, nil}) {
		seen := map[string]bool{}
		for _, k := range entry.object.Keys {
			if k.Name == "" || k.Doc == "" || seen[k.Name] {
				t.Errorf("%s: key %q has no doc, or is there twice", entry.object.Name, k.Name)
			}
			seen[k.Name] = true
			if k.Stage == Supported && (k.Type.read == nil || k.Type.Name == "" || k.Type.Accepts == "" || k.Type.form == nil || k.field == nil) {
				t.Errorf("%s: key %q cannot be read", entry.object.Name, k.Name)
			}
			if k.AliasOf != "" && entry.object.find(k.AliasOf) < 0 {
				t.Errorf("%s: key %q is an alias of nothing", entry.object.Name, k.Name)
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

// TestEveryKeyIsRefusedOrTried keeps the golden files complete: a supported key
// is in every-key.yaml, one for later in not-supported.yaml.
func TestEveryKeyIsRefusedOrTried(t *testing.T) {
	good, bad := parseFile(t, "testdata/good/every-key.yaml"), readFile(t, "testdata/bad/not-supported.txt")
	elsewhere := map[string]bool{"project": true, "services": true, "command": true, "timeout": true}
	for _, entry := range objects {
		node := good
		for _, name := range entry.path {
			node = lookupKey(node, name)
		}
		for _, k := range entry.object.Keys {
			switch {
			case k.Stage == Later && !strings.Contains(bad, k.Name+"` is not supported"):
				t.Errorf("%s: %s is not refused in not-supported.yaml", entry.object.Name, k.Name)
			case k.Stage == Supported && !elsewhere[k.Name] && (node == nil || lookupKey(node, k.Name) == nil):
				t.Errorf("%s: %s is not in every-key.yaml", entry.object.Name, k.Name)
			}
		}
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

func lookupKey(node *yaml.Node, name string) *yaml.Node {
	for i := 0; node != nil && i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == name {
			return node.Content[i+1]
		}
	}
	return nil
}
