package manifest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Migrate rewrites the text of a manifest from the form with one project to the
// form with several, and version 1 or none to version "2":
//
//	project: shop          version: "2"
//	services:              projects:
//	  web: …                 shop:
//	                           services:
//	                             web: …
//
// It works on lines, so that comments, quotes and !include stay as they are. A
// text that is in the present form already is returned as it is. The error is
// Problems.
func Migrate(file string, text []byte) ([]byte, error) {
	tree, problems := parseAlone(file, text)
	if problems != nil {
		return nil, problems
	}
	m := &migration{file: file, lines: strings.SplitAfter(string(text), "\n"), root: tree}
	if problem := m.nest(); problem != nil {
		problem.Path = file
		return nil, Problems{*problem}
	}
	m.version()
	result := []byte(strings.Join(m.lines, ""))
	if _, problems := parseAlone(file, result); problems != nil {
		return nil, Problems{{Path: file, Kind: KindConfig, Message: "cannot migrate this manifest by its lines", Suggestion: "write projects: by hand"}}
	}
	return result, nil
}

// parseAlone is the tree of one file, whose includes are left as they are.
func parseAlone(file string, text []byte) (*yaml.Node, Problems) {
	c := checker{path: file}
	if p, bad := c.prescan(text); bad {
		p.Path = file
		return nil, Problems{p}
	}
	root, err := decode(text)
	if err != nil {
		return nil, Problems{syntaxProblem(file, text, err)}
	}
	if root == nil || root.Kind != yaml.MappingNode {
		return nil, Problems{{Path: file, Kind: KindConfig, Message: "the manifest is no mapping of keys"}}
	}
	return root, nil
}

// migration is the lines of a text, and where its root's keys are. From the end
// towards the beginning they can be changed without moving each other.
type migration struct {
	file  string
	lines []string
	root  *yaml.Node
}

// find is the key and the value of a key of the root, nil if it has none.
func (m *migration) find(name string) (key, entry *yaml.Node) {
	for i := 0; i+1 < len(m.root.Content); i += 2 {
		if m.root.Content[i].Value == name {
			return m.root.Content[i], m.root.Content[i+1]
		}
	}
	return nil, nil
}

// span is the lines of a key of the root, counted from 0: up to the next key,
// without the comments and empty lines that belong to that.
func (m *migration) span(key *yaml.Node) (first, after int) {
	first, after = key.Line-1, len(m.lines)
	for i := 0; i < len(m.root.Content); i += 2 {
		if other := m.root.Content[i].Line - 1; other > first {
			after = min(after, other)
		}
	}
	for after > first+1 && isOutside(m.lines[after-1]) {
		after--
	}
	return first, after
}

// isOutside says whether a line at the end of a block need not be a part of it.
func isOutside(line string) bool {
	return strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "...")
}

// nest puts services into the project that project names.
func (m *migration) nest() *Problem {
	projectKey, project := m.find("project")
	servicesKey, _ := m.find("services")
	if projectKey == nil || isNull(project) {
		return nil
	}
	stuck := func(message, suggestion string) *Problem {
		return &Problem{Line: projectKey.Line, Column: projectKey.Column, Kind: KindConfig, Message: message, Suggestion: suggestion}
	}
	id, name, ok := m.named(project)
	switch projectsKey, _ := m.find("projects"); {
	case projectsKey != nil:
		return stuck("both project and projects are there", "move the project into projects")
	case servicesKey == nil:
		return stuck("the project has no services", "add services: with one at least")
	case m.root.Style == yaml.FlowStyle || servicesKey.Line == projectKey.Line || servicesKey.Column != 1 || projectKey.Column != 1:
		return stuck("cannot migrate a manifest that is written in braces, or indented", "write each key on a line of its own, from the first column on")
	case !ok:
		return stuck("cannot tell the id of the project from this file", "write it out, as plain text")
	case checkID(id) != nil:
		return stuck(fmt.Sprintf("%s cannot be the id of a project: %v", quote(id), checkID(id)), "")
	}
	replaced := m.nested(servicesKey, id, name)
	kept := append(m.comments(projectKey), besides(project)...)
	// The later of the two first.
	if servicesKey.Line > projectKey.Line {
		m.replace(servicesKey, replaced)
		m.replace(projectKey, kept)
	} else {
		m.replace(projectKey, kept)
		m.replace(servicesKey, replaced)
	}
	return nil
}

// named reads the id and the name of a project, as they are to be written.
func (m *migration) named(project *yaml.Node) (id, name string, ok bool) {
	if project.Kind == yaml.ScalarNode && project.Tag != includeTag {
		return project.Value, "", !strings.Contains(project.Value, "$")
	}
	if project.Kind != yaml.MappingNode {
		return "", "", false
	}
	for i := 0; i+1 < len(project.Content); i += 2 {
		entry := project.Content[i+1]
		switch key := project.Content[i].Value; {
		case entry.Kind != yaml.ScalarNode || entry.Tag == includeTag:
			return "", "", false
		case key == "id":
			id = entry.Value
		case key == "name" && !isNull(entry):
			name = entry.Value
		}
	}
	return id, name, id != "" && !strings.Contains(id, "$")
}

// nested is the block of services, two levels further in.
func (m *migration) nested(services *yaml.Node, id, name string) []string {
	first, after := m.span(services)
	block := []string{"projects:\n", "  " + plainWord(id) + ":\n"}
	if name != "" {
		block = append(block, "    name: "+plainWord(name)+"\n")
	}
	for _, line := range m.lines[first:after] {
		if strings.TrimSpace(line) != "" {
			line = "    " + line
		}
		block = append(block, line)
	}
	return block
}

// comments are the lines of a key that are nothing else.
func (m *migration) comments(key *yaml.Node) []string {
	first, after := m.span(key)
	var kept []string
	for _, line := range m.lines[first+1 : after] {
		if comment := strings.TrimSpace(line); strings.HasPrefix(comment, "#") {
			kept = append(kept, comment+"\n")
		}
	}
	return kept
}

// besides are the comments beside the values of a key.
func besides(n *yaml.Node) []string {
	var kept []string
	for _, part := range append([]*yaml.Node{n}, n.Content...) {
		if part.LineComment != "" {
			kept = append(kept, part.LineComment+"\n")
		}
	}
	return kept
}

func (m *migration) replace(key *yaml.Node, with []string) {
	first, after := m.span(key)
	m.lines = append(append(append([]string{}, m.lines[:first]...), with...), m.lines[after:]...)
}

var oldVersion = regexp.MustCompile(`^(["']?version["']?\s*:\s*)(1|"1"|'1')(\s|$)`)

// version makes version 1, or none, "2".
func (m *migration) version() {
	key, _ := m.find("version")
	if key != nil {
		for i, line := range m.lines {
			if oldVersion.MatchString(line) {
				m.lines[i] = oldVersion.ReplaceAllString(line, `${1}"2"${3}`)
				return
			}
		}
		return
	}
	if m.root.Style == yaml.FlowStyle || m.root.Column != 1 {
		return
	}
	// Above the first key, but below what is said of the whole file.
	at := m.root.Line - 1
	for at > 0 && at <= len(m.lines) && strings.HasPrefix(m.lines[at-1], "#") {
		at--
	}
	m.lines = append(append(append([]string{}, m.lines[:at]...), "version: \"2\"\n"), m.lines[at:]...)
}

var plainText = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_. -]*[A-Za-z0-9_.-]$|^[A-Za-z]$`)

// plainWord writes a text so that YAML reads it as that text.
func plainWord(text string) string {
	var read yaml.Node
	if plainText.MatchString(text) && yaml.Unmarshal([]byte(text), &read) == nil && read.Content[0].ShortTag() == "!!str" {
		return text
	}
	return strconv.Quote(text)
}
