package manifest

// Stage says whether this version does what a key asks.
type Stage string

// The stages. A key that is not supported yet is refused by its name.
const (
	Supported Stage = "supported"
	Later     Stage = "later"
)

// Object is the table of what may stand in one kind of mapping. Its keys are
// read in the order of the table: env comes first, since the values of the
// others may refer to it, and logs before what inherits them.
type Object struct {
	// Name says what it is, for messages: "a service".
	Name string
	Keys []Key
	// Lenient objects are those where the older program ignored unknown keys.
	// In manifests of versions 1 and 2 such a key is a warning.
	Lenient bool
	// need are rules about several keys, for the JSON Schema.
	need node
	// variables is the pattern of keys that are variables, for the JSON Schema.
	variables string
	// nested objects are known by their key: "stop.command", not "command".
	nested bool
	// other is offered a key that is not in the table, and says whether it took it.
	other func(r *reader, key, v value, to any) bool
}

// Key is one row: one key of an object.
type Key struct {
	Name string
	Type Type
	// Default is what is read where the key is missing; "" leaves the zero value.
	Default string
	Doc     string
	Stage   Stage
	// AliasOf is the key that this one is another name of.
	AliasOf string
	// field is the place in the object, which is a pointer, for the value.
	field func(object any) any
}

// Type is what a value looks like, and how it is read.
type Type struct {
	// Name completes "cannot read X as …".
	Name string
	// Accepts says what to write, with an example where that helps.
	Accepts string
	// Choices are the words accepted, where there is only a choice.
	Choices []Choice
	// Object is the table of a nested mapping.
	Object *Object
	// form is the value's shape in the JSON Schema.
	form form
	// nullable types may be empty in YAML, which is the same as not there.
	nullable bool
	// read puts the value where to, a pointer, points, or reports what is wrong.
	read func(r *reader, v value, to any)
}

// Choice is one of the words that a type accepts.
type Choice struct {
	Word  string
	Stage Stage
}

// key is a row for a supported key.
func key(name string, t Type, fallback, doc string, field func(any) any) Key {
	return Key{Name: name, Type: t, Default: fallback, Doc: doc, Stage: Supported, field: field}
}

// later is a row for a key that this version refuses.
func later(name, doc string) Key {
	return Key{Name: name, Doc: doc, Stage: Later}
}

// in makes a field of a T from one of any.
func in[T any](field func(*T) any) func(any) any {
	return func(object any) any { return field(object.(*T)) }
}

func (o *Object) find(name string) int {
	for i := range o.Keys {
		if o.Keys[i].Name == name {
			return i
		}
	}
	return -1
}

// names are those that a misspelt one may mean, which is all of them, or those
// to tell people about.
func (o *Object) names(all bool) []string {
	var names []string
	for i := range o.Keys {
		if all || o.Keys[i].Stage == Supported {
			names = append(names, o.Keys[i].Name)
		}
	}
	return names
}
