package manifest

import "slices"

// node is a part of a JSON Schema. encoding/json sorts its keys, so that the
// same tables always make the same text.
type node = map[string]any

// form makes the part of the schema for a type. A schema sees a value as YAML
// reads it, so a number where the type is a word is a number there. It must
// accept all that the type reads; what it cannot express it accepts as well.
type form func(s *schema) node

// The patterns of words. A text with a variable in it fits none of them, but
// its value may, so each form adds $ to what it accepts.
const (
	durationPattern = `\+?[0-9]+ *(ms|s|m|h|d)?( *[0-9]+ *(ms|s|m|h|d))*`
	// positivePattern leaves 0s to the parser.
	positivePattern = durationPattern
	sizePattern     = `[0-9][0-9_]*[ _]*([Bb]|[KkMmGgTt]([Ii]?[Bb])?)?`
	limitPattern    = `(unlimited|` + sizePattern + `)`
	signalPattern   = `[0-9+]+|([Ss][Ii][Gg])?[A-Za-z]+[0-9]?([+-][0-9]+)?`
	namePattern     = `^[A-Za-z_][A-Za-z0-9_.-]*$`
	idPattern       = `^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$`
	plainVarPattern = `^[A-Z_][A-Z0-9_]*$`
)

// scalar is any text, number or boolean, all of which are text to services.
func scalar(*schema) node { return node{"type": []string{"string", "number", "boolean"}} }

// filled is one that is not blank.
func filled(*schema) node {
	return node{"type": []string{"string", "number", "boolean"}, "pattern": `\S`}
}

// filePath may be a bare ~, which is a null to YAML.
func filePath(*schema) node {
	return node{"type": []string{"string", "number", "boolean", "null"}, "minLength": 1}
}

func truth(*schema) node {
	return node{"type": []string{"boolean", "string"}, "pattern": words(`true|True|TRUE|false|False|FALSE`)}
}

func variableName(*schema) node {
	return node{"type": []string{"string", "boolean"}, "pattern": words(`[A-Za-z_][A-Za-z0-9_.-]*`)}
}

func idForm(*schema) node {
	return node{"type": []string{"string", "number", "boolean"}, "minimum": 0, "pattern": words(idPattern[1 : len(idPattern)-1])}
}

func versionForm(*schema) node {
	return node{"anyOf": []node{{"enum": []any{"1", "2", "3", 1, 2, 3}}, {"type": "string", "pattern": `\$`}}}
}

// words is the pattern for whole words, or anything with a variable.
func words(pattern string) string { return `^(` + pattern + `)$|\$` }

// number is a whole number, which may be written as text.
func number(least, most int) form { return numeral(least, most, `[+-]?[0-9]+`) }

// numeral is a number in a range or a text.
func numeral(least, most int, pattern string) form {
	return func(*schema) node {
		n := node{"type": []string{"integer", "string"}, "minimum": least, "pattern": words(pattern)}
		if most < 1<<53 {
			n["maximum"] = most
		}
		return n
	}
}

// matching is a text of that pattern.
func matching(pattern string) form {
	return func(*schema) node { return node{"type": "string", "pattern": words(pattern)} }
}

func accountForm(*schema) node {
	return node{"type": []string{"string", "number", "boolean"}, "minimum": 0, "pattern": words(`[^-:/, \t\n][^:/, \t\n]*`)}
}

func capabilityForm(*schema) node {
	return node{"type": "string", "pattern": words(`[A-Za-z_]+`)}
}

func oneWord(accepted ...string) form {
	return func(*schema) node {
		return node{"anyOf": []node{{"enum": accepted}, {"type": "string", "pattern": `\$`}}}
	}
}

func either(forms ...form) form {
	return func(s *schema) node {
		var nodes []node
		for _, f := range forms {
			nodes = append(nodes, f(s))
		}
		return node{"anyOf": nodes}
	}
}

func listOf(items form) form {
	return func(s *schema) node { return node{"type": "array", "items": items(s)} }
}

func atLeastOne(list form) form {
	return func(s *schema) node {
		n := list(s)
		n["minItems"] = 1
		return n
	}
}

func mapOf(keys string, values form) form {
	return func(s *schema) node {
		return node{"type": "object", "propertyNames": node{"pattern": keys}, "additionalProperties": values(s)}
	}
}

func keysOf(o *Object) form {
	return func(s *schema) node { return s.reference(o) }
}

func exactlyOne(keys ...string) node {
	var choices []node
	for _, k := range keys {
		choices = append(choices, node{"required": []string{k}})
	}
	return node{"oneOf": choices}
}

// given says that a key is there and has a value.
func given(keys ...string) node {
	properties := node{}
	for _, k := range keys {
		properties[k] = node{"not": node{"type": "null"}}
	}
	return node{"required": slices.Clone(keys), "properties": properties}
}

// hasServices is an object whose services are not empty.
var hasServices = node{"required": []string{"services"}, "properties": node{"services": node{"type": "object", "minProperties": 1}}}

var (
	projectRules = hasServices
	rootRules    = node{
		"anyOf": []node{hasServices, {"required": []string{"projects"}, "properties": node{"projects": node{"type": "object", "minProperties": 1}}}},
		"not":   given("project", "projects"),
		"if":    given("project"),
		"then":  hasServices,
	}
)
