package api

import (
	"encoding/json"
	"reflect"
	"strings"
	"sync"
)

// Marshal is json.Marshal with [] for every nil slice. Go would write null,
// which Varlink allows only for types marked with ?, and on which the reader's
// loop over "units" or "notes" stumbles.
func Marshal(v any) ([]byte, error) {
	if v == nil {
		return []byte("{}"), nil
	}
	value := reflect.ValueOf(v)
	if lacks(value) {
		value = filled(value)
	}
	return json.Marshal(value.Interface())
}

// lacks says whether there is a nil slice in v: most have none, and need no copy.
func lacks(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer:
		return !v.IsNil() && lacks(v.Elem())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return false
		}
		for i := range v.Len() {
			if lacks(v.Index(i)) {
				return true
			}
		}
		return v.IsNil()
	case reflect.Struct:
		for _, field := range fieldsOf(v.Type()) {
			inner := v.Field(field.index)
			if field.optional && inner.Kind() == reflect.Slice && inner.IsNil() {
				continue // JSON leaves it out
			}
			if lacks(inner) {
				return true
			}
		}
	}
	return false
}

// field is one of a struct in which a slice may be.
type field struct {
	index    int
	optional bool
}

// fields are those of each type that was seen. To find them takes longer than
// to look into them.
var fields sync.Map // reflect.Type → []field

func fieldsOf(of reflect.Type) []field {
	if known, seen := fields.Load(of); seen {
		return known.([]field)
	}
	var found []field
	for i := range of.NumField() {
		f := of.Field(i)
		if !f.IsExported() {
			continue
		}
		switch f.Type.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Struct:
			_, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			found = append(found, field{i, strings.Contains(options, "omitempty")})
		}
	}
	fields.Store(of, found)
	return found
}

// filled is a copy of v that shares nothing writable with it; the original
// may be in use by another goroutine.
func filled(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		to := reflect.New(v.Type().Elem())
		to.Elem().Set(filled(v.Elem()))
		return to
	case reflect.Slice:
		// Bytes are json.RawMessage here: text that is left as it is.
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return v
		}
		to := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			to.Index(i).Set(filled(v.Index(i)))
		}
		return to
	case reflect.Struct:
		to := reflect.New(v.Type()).Elem()
		to.Set(v)
		for i := range v.NumField() {
			if to.Field(i).CanSet() {
				to.Field(i).Set(filled(v.Field(i)))
			}
		}
		return to
	default:
		return v
	}
}
