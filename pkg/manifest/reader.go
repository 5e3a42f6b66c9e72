package manifest

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
	"systemg.org/sysg/pkg/generation"
)

// reader reads one document by the tables and collects what is wrong with it.
type reader struct {
	path     string
	opts     Options
	version  int
	scope    *scope
	expanded int     // bytes that expansion and env files have made so far
	depth    int     // of variables that refer to variables
	count    int     // of services
	blank    Service // every service begins as a copy of it
	// inService is set while services are read, whose env files are not needed yet.
	inService bool
	// old is set for a manifest that says it is of version 1 or 2, which may
	// be one of the older program's.
	old         bool
	differences differences
	// entry is the service that is read, nil outside of one, and outer the scope
	// around it.
	entry *value
	outer *scope
	// filters are those of seccomp by their profiles, since many services have one.
	filters  map[string]*generation.Seccomp
	files    *fileSet
	problems Problems
	errors   int
	warnings int
}

// value is a node, the file it is in, and how one gets to it.
type value struct {
	node   *yaml.Node
	file   string
	name   string
	parent *value
}

func (v *value) child(name string, n *yaml.Node) value {
	n, file := enter(n, v.file)
	return value{node: n, file: file, name: name, parent: v}
}

func (v *value) item(i int) value { return v.child("["+strconv.Itoa(i)+"]", v.node.Content[i]) }

// label is the name of a key, or of a key and the place in its list.
func (v *value) label() string {
	if strings.HasPrefix(v.name, "[") && v.parent != nil {
		return v.parent.name + v.name
	}
	return v.name
}

// inService is the dotted path of keys below the service.
func (v *value) inService() string {
	for up := v; up.parent != nil && up.parent.parent != nil; up = up.parent {
		if up.parent.name == "services" {
			return strings.TrimPrefix(v.path(), up.path()+".")
		}
	}
	return v.path()
}

// at is the value of a key of a mapping, or v itself where it is not there.
func (v value) at(name string) value {
	n := target(v.node)
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if target(n.Content[i]).Value == name {
			return v.child(name, n.Content[i+1])
		}
	}
	return v
}

// pairs are the keys and values of a mapping. A key that is no scalar has been
// reported with the document.
func (v *value) pairs() iter.Seq2[value, value] {
	return func(yield func(value, value) bool) {
		for i := 0; i+1 < len(v.node.Content); i += 2 {
			k := target(v.node.Content[i])
			if k.Kind == yaml.ScalarNode && !yield(v.child(k.Value, v.node.Content[i]), v.child(k.Value, v.node.Content[i+1])) {
				return
			}
		}
	}
}

// path is the dotted path of keys.
func (v *value) path() string {
	switch {
	case v.parent == nil:
		return v.name
	case strings.HasPrefix(v.name, "[") || v.parent.parent == nil && v.parent.name == "":
		return v.parent.path() + v.name
	default:
		return v.parent.path() + "." + v.name
	}
}

// maxProblems bounds the errors and the warnings that are kept; nobody mends
// more at a time.
const maxProblems = 1000

// report adds a problem at the place of v.
func (r *reader) report(v value, p Problem) {
	count := &r.errors
	if p.Warning {
		count = &r.warnings
	}
	if *count++; *count > maxProblems {
		return
	}
	p.Path, p.Line, p.Column, p.Key = v.file, v.node.Line, v.node.Column, v.path()
	r.problems = append(r.problems, p)
}

// bad reports a value that cannot be used.
func (r *reader) bad(v value, message, suggestion string) {
	r.report(v, Problem{Kind: KindValue, Message: message, Suggestion: suggestion})
}

// is says whether v is such a node, and reports it if not.
func (r *reader) is(v value, kind yaml.Kind, what string) bool {
	n := target(v.node)
	switch tag := n.ShortTag(); {
	case tag == includeTag:
		return false // Reported with the document.
	case n.Kind == kind && isCoreTag(tag):
		return true
	case !isCoreTag(tag):
		r.report(v, Problem{Kind: KindYAML, Message: "unknown tag " + quote(tag)})
		return false
	}
	r.bad(v, fmt.Sprintf("expected %s, found %s", what, kindName(n)), "")
	return false
}

func isCoreTag(tag string) bool {
	switch tag {
	case "!!str", "!!int", "!!float", "!!bool", "!!null", "!!timestamp", "!!merge", "!!map", "!!seq":
		return true
	}
	return false
}

func kindName(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(n):
		return "nothing"
	default:
		return quote(n.Value)
	}
}

// mayHave says whether a mapping has one of the keys, or one that may be a
// misspelt one of them. It is also true of what is no mapping. In each case a
// problem has been reported if the key has no value after all.
func (v *value) mayHave(o *Object, names ...string) bool {
	n := target(v.node)
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if name := target(n.Content[i]).Value; slices.Contains(names, name) || o.find(name) < 0 {
			return true
		}
	}
	return n.Kind != yaml.MappingNode
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// object reads a mapping by its table.
func (r *reader) object(o *Object, v value, to any) {
	if !r.is(v, yaml.MappingNode, "the keys of "+o.Name) {
		return
	}
	v.node = target(v.node)
	found := make([]*value, len(o.Keys))
	var unknown []int // the places of keys, which may be a hundred thousand variables
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key := target(v.node.Content[i])
		if key.Kind != yaml.ScalarNode {
			continue // Reported with the document.
		}
		row := o.find(key.Value)
		if row < 0 {
			unknown = append(unknown, i)
			continue
		}
		entry := v.child(key.Value, v.node.Content[i+1])
		found[row] = &entry
	}
	r.rows(o, found, to)
	// Last, since the version decides how bad an unknown key is.
	for _, i := range unknown {
		name := target(v.node.Content[i]).Value
		key := v.child(name, v.node.Content[i])
		if o.other == nil || !o.other(r, key, v.child(name, v.node.Content[i+1]), to) {
			r.unknownKey(o, key)
		}
	}
}

// rows reads the values that were found, in the order of the table.
func (r *reader) rows(o *Object, found []*value, to any) {
	for i, entry := range found {
		row := o.Keys[i]
		switch {
		case entry == nil || row.Type.nullable && isNull(target(entry.node)):
		case row.AliasOf != "" && found[o.find(row.AliasOf)] != nil:
			r.bad(*entry, fmt.Sprintf("%s is another name of %s, which is there too", row.Name, row.AliasOf), "")
		default:
			before := r.errors
			row.Type.read(r, *entry, row.field(to))
			if row.system != nil && !r.opts.System && r.errors == before && row.system(r, to) {
				r.needsSystem(*entry)
			}
		}
	}
}

// needsSystem refuses what a user's instance could only accept and ignore.
func (r *reader) needsSystem(v value) {
	r.report(v, Problem{
		Kind: KindSystemMode, Message: fmt.Sprintf("%s can be enforced by the system's instance only (SG0705)", v.inService()),
		Why:        "what asks for protection is enforced, or the service is refused",
		Suggestion: "leave it out, or let root start the manifest with sysg --sys",
	})
}

// defaults fills an object with the defaults of its table.
func (r *reader) defaults(o *Object, to any) {
	for i := range o.Keys {
		row := o.Keys[i]
		if row.Default != "" {
			// With its tag, which is expensive to guess.
			node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: row.Default}
			row.Type.read(r, value{node: node, name: row.Name}, row.field(to))
		}
	}
}

func (r *reader) unknownKey(o *Object, v value) {
	p := Problem{Kind: KindUnknownField, Message: fmt.Sprintf("unknown key %s in %s", quote(v.name), o.Name)}
	places := placesOf(o, v.name)
	switch meant, found := Nearest(v.name, o.names()); {
	case v.name == "<<":
		p.Kind, p.Message = KindUnsupported, "merge keys (`<<`) are not supported"
		p.Suggestion = "write the keys out, or use an alias for a whole value"
	case len(places) > 0:
		p.Suggestion = "it belongs under " + strings.Join(places, " or ")
	case found:
		p.Suggestion = fmt.Sprintf("did you mean %q?", meant)
	default:
		p.Suggestion = "known here: " + strings.Join(o.names(), ", ")
	}
	if o.Lenient && r.version < 3 && p.Kind == KindUnknownField {
		p.Warning, p.Why = true, "it is ignored, as manifests of versions 1 and 2 always had it; version 3 refuses it"
	}
	r.report(v, p)
}
