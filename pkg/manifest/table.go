package manifest

// Object is the table of what may stand in one kind of mapping. Its keys are
// read in the order of the table: env comes first, since the values of the
// others may refer to it, and logs before what inherits them.
type Object struct {
	// Name says what it is, for messages: "a service".
	Name string
	Keys []*Key
	// Lenient objects are those where the older program ignored unknown keys.
	// In manifests of versions 1 and 2 such a key is a warning.
	Lenient bool
	// need are rules about several keys, for the JSON Schema.
	need node
	// variables is the pattern of keys that are variables, for the JSON Schema.
	variables string
	// other is offered a key that is not in the table, and says whether it took it.
	other func(r *reader, key, v value, to any) bool
}

// Key is one row: one key of an object.
type Key struct {
	Name string
	Type *Type
	// Default is what is read where the key is missing; "" leaves the zero value.
	Default string
	Doc     string
	// AliasOf is the key that this one is another name of.
	AliasOf string
	// field is the place in the object, which is a pointer, for the value.
	field func(object any) any
	// system says whether what was read asks for something that only the
	// instance of the machine can do; a nil one never does.
	system func(r *reader, object any) bool
}

// Type is what a value looks like, and how it is read.
type Type struct {
	// Name completes "cannot read X as …".
	Name string
	// Accepts says what to write, with an example where that helps.
	Accepts string
	// Choices are the words accepted, where there is only a choice.
	Choices []string
	// Object is the table of a nested mapping.
	Object *Object
	// form is the value's shape in the JSON Schema.
	form form
	// nullable types may be empty in YAML, which is the same as not there.
	nullable bool
	// read puts the value where to, a pointer, points, or reports what is wrong.
	read func(r *reader, v value, to any)
}

// readBy is a copy of t that is read in another way.
func (t Type) readBy(read func(r *reader, v value, to any)) *Type {
	t.read = read
	return &t
}

// key is a row.
func key(name string, t *Type, fallback, doc string, field func(any) any) *Key {
	return &Key{Name: name, Type: t, Default: fallback, Doc: doc, field: field}
}

// forSystem is a row for a key whose value, if asks says so, is refused in a
// user's instance: that could only accept and ignore it.
func forSystem[T any](k *Key, asks func(r *reader, to *T) bool) *Key {
	k.system = func(r *reader, object any) bool { return asks(r, object.(*T)) }
	return k
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

// names are those that a misspelt one may mean.
func (o *Object) names() []string {
	names := make([]string, len(o.Keys))
	for i := range o.Keys {
		names[i] = o.Keys[i].Name
	}
	return names
}
