package manifest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Schema is the JSON Schema (draft 2020-12) of a manifest, for editors. It is
// made of the tables that the parser reads by, and accepts whatever the parser
// does. Graphs, variables and files are beyond it, so it accepts more.
//
// Versions 1 and 2 take unknown keys in some objects with a warning, so these
// objects are there twice: as they are there, and, named -v3, as they are in
// version 3.
func Schema() []byte {
	s := schema{defs: map[string]node{}}
	lenient := s.reference(&rootObject)
	s.strict = true
	strict := s.reference(&rootObject)
	text, err := json.MarshalIndent(node{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"title":       "systemg.yaml",
		"description": "A stack of services, for sysg.",
		"if":          node{"required": []string{"version"}, "properties": node{"version": node{"enum": []any{"3", 3}}}},
		"then":        strict,
		"else":        lenient,
		"$defs":       s.defs,
	}, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("manifest: the tables make no schema: %v", err)) // Only maps, lists and words are in it.
	}
	return append(text, '\n')
}

// schema collects the definitions of objects.
type schema struct {
	strict bool // of version 3
	defs   map[string]node
}

// reference refers to the definition of an object, and makes it if need be.
func (s *schema) reference(o *Object) node {
	name := strings.ReplaceAll(o.Name, " ", "-")
	if s.strict && o.hasLenient() {
		name += "-v3"
	}
	if s.defs[name] == nil {
		s.defs[name] = node{} // Nothing refers to itself, but if it did, this would end it.
		s.defs[name] = s.define(o)
	}
	return node{"$ref": "#/$defs/" + name}
}

// hasLenient says whether version 3 changes anything in an object.
func (o *Object) hasLenient() bool {
	if o.Lenient {
		return true
	}
	for i := range o.Keys {
		if nested := o.Keys[i].Type.Object; nested != nil && nested.hasLenient() {
			return true
		}
	}
	return false
}

func (s *schema) define(o *Object) node {
	properties := node{}
	lenient := o.Lenient && !s.strict
	for i := range o.Keys {
		properties[o.Keys[i].Name] = s.property(o.Keys[i])
	}
	definition := node{"type": "object", "properties": properties}
	if !lenient {
		definition["additionalProperties"] = false
	}
	if o.need != nil {
		definition["allOf"] = []node{o.need}
	}
	if o.variables != "" {
		definition["patternProperties"] = node{o.variables: scalar(s)}
	}
	return definition
}

// property is one row: what its type accepts, and what people read of it.
func (s *schema) property(k *Key) node {
	n := k.Type.form(s)
	if k.Type.nullable {
		n = node{"anyOf": []node{n, {"type": "null"}}}
	}
	n["description"] = k.Doc
	if k.Type.Object == nil {
		n["description"] = fmt.Sprintf("%s: %s", k.Doc, k.Type.Accepts)
	}
	if k.Default != "" {
		n["default"] = defaultValue(k.Default)
	}
	return n
}

// defaultValue is a number where YAML would read one of the same digits.
func defaultValue(text string) any {
	if number, err := strconv.Atoi(text); err == nil && strconv.Itoa(number) == text {
		return number
	}
	return text
}
