package api

import (
	"encoding/json"
	"reflect"
)

// Marshal is json.Marshal with [] for every nil slice. Go would write null,
// which Varlink allows only for types marked with ?, and on which the reader's
// loop over "units" or "notes" stumbles.
func Marshal(v any) ([]byte, error) {
	if v == nil {
		return []byte("{}"), nil
	}
	return json.Marshal(filled(reflect.ValueOf(v)).Interface())
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
