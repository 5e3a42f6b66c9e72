package manifest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

const docsFile = "../../docs/manifest.md"

var keysBlock = regexp.MustCompile(`(?s)(<!-- keys of (.*?) -->\n).*?(<!-- end of keys -->)`)

// TestTheKeysInDocsAreCurrent makes the tables of docs/manifest.md of those that
// the parser reads by, and wants all of them there.
func TestTheKeysInDocsAreCurrent(t *testing.T) {
	text := readFile(t, docsFile)
	byName := map[string]*Object{}
	for _, o := range tables() {
		byName[o.Name] = o
	}
	shown := map[string]bool{}
	current := keysBlock.ReplaceAllStringFunc(text, func(block string) string {
		parts := keysBlock.FindStringSubmatch(block)
		o := byName[parts[2]]
		if o == nil {
			t.Errorf("no table is called %q", parts[2])
			return block
		}
		shown[o.Name] = true
		return parts[1] + keyTable(o) + parts[3]
	})
	golden(t, docsFile, current)
	for name := range byName {
		if !shown[name] {
			t.Errorf("the keys of %s are not in docs/manifest.md", name)
		}
	}
}

// keyTable is a table in Markdown.
func keyTable(o *Object) string {
	var b strings.Builder
	b.WriteString("\n| key | value | default | |\n|---|---|---|---|\n")
	for i := range o.Keys {
		k := o.Keys[i]
		doc := k.Doc
		if k.system != nil {
			doc += " *(system's instance)*"
		}
		fallback := ""
		if k.Default != "" {
			fallback = "`" + k.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.Name, cell(k.Type.Accepts), fallback, cell(doc))
	}
	return b.String() + "\n"
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// TestTheManifestsInDocsHold reads each block of YAML in the page.
func TestTheManifestsInDocsHold(t *testing.T) {
	blocks := strings.Split(readFile(t, docsFile), "```yaml\n")[1:]
	if len(blocks) < 10 {
		t.Errorf("only %d examples", len(blocks))
	}
	for i, block := range blocks {
		text, _, _ := strings.Cut(block, "```")
		t.Run(fmt.Sprint(i+1), func(t *testing.T) {
			opts := options()
			if strings.Contains(text, "# as root") {
				opts = systemOptions()
			}
			if _, err := Parse("/srv/app/systemg.yaml", []byte(wholeManifest(t, text)), opts); err != nil {
				t.Errorf("%v\n%s", err, text)
			}
		})
	}
}

// wholeManifest makes a manifest of an example: it may be one, or the services
// of one, or keys of one service.
func wholeManifest(t *testing.T, text string) string {
	t.Helper()
	var node yaml.Node
	if err := yaml.Unmarshal([]byte(text), &node); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	first := node.Content[0].Content[0].Value
	indent := func(depth int) string {
		lines := strings.SplitAfter(text, "\n")
		for i := range lines {
			if strings.TrimSpace(lines[i]) != "" {
				lines[i] = strings.Repeat("  ", depth) + lines[i]
			}
		}
		return strings.Join(lines, "")
	}
	switch {
	case rootObject.find(first) >= 0 && (serviceObject.find(first) < 0 || strings.Contains(text, "services:")):
		if !strings.Contains(text, "services:") {
			return text + "services: {web: {command: x}}\n"
		}
		return text
	case serviceObject.find(first) >= 0:
		if !slices.ContainsFunc(node.Content[0].Content, func(n *yaml.Node) bool { return n.Value == "command" || n.Value == "exec" }) {
			return "services:\n  web:\n    command: x\n" + indent(2)
		}
		return "services:\n  web:\n" + indent(2)
	}
	return "services:\n" + indent(1)
}
