package spec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Limits bound what Unmarshal accepts.
type Limits struct {
	// Bytes is the largest text, Objects the most JSON objects in it. The
	// second bounds memory: "{}" may become a struct of hundreds of bytes.
	Bytes, Objects int
	// Null lets a value be null, which Go writes for a nil slice.
	Null bool
}

const (
	maxDepth = 16
	// maxKeys is more than any struct of ours has fields.
	maxKeys = 32
)

// Unmarshal decodes text, one JSON object and nothing around it, into v. It is
// for structs without maps whose keys are lower case, and refuses what
// encoding/json would let pass: unknown keys, keys given twice (two readers
// could believe different ones), keys in another case, invalid UTF-8, and
// anything after the object.
func Unmarshal(text []byte, v any, limits Limits) error {
	if len(text) > limits.Bytes {
		return fmt.Errorf("%d bytes, limit %d", len(text), limits.Bytes)
	}
	if !utf8.Valid(text) {
		return errors.New("not UTF-8")
	}
	s := scanner{text: text, limits: limits}
	if err := s.scan(); err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return decoder.Decode(v)
}

// scanner makes one pass over text before it is decoded. It does not check
// the syntax: what it says of a text that is not JSON means nothing, and the
// decoder refuses that text afterwards.
type scanner struct {
	text   []byte
	limits Limits

	objects int
	// keys are those of all open objects; starts says where each one's begin.
	// An array counts as an object without keys.
	keys   [][]byte
	starts []int
	// room is where both begin, so that a frame costs no allocation.
	roomKeys   [maxKeys][]byte
	roomStarts [maxDepth]int
}

func (s *scanner) scan() error {
	s.keys, s.starts = s.roomKeys[:0], s.roomStarts[:0]
	if len(s.text) == 0 || s.text[0] != '{' {
		return errors.New("not a JSON object")
	}
	for i := 0; i < len(s.text); i++ {
		if err := s.step(&i); err != nil {
			return fmt.Errorf("%w (byte %d)", err, i)
		}
		if len(s.starts) == 0 && i != len(s.text)-1 {
			return fmt.Errorf("something follows the object (byte %d)", i+1)
		}
	}
	if len(s.starts) != 0 {
		return errors.New("the object does not end")
	}
	return nil
}

// step looks at the token at *i and leaves *i at its last byte.
func (s *scanner) step(i *int) error {
	switch s.text[*i] {
	case '{':
		if s.objects++; s.objects > s.limits.Objects {
			return fmt.Errorf("more than %d objects", s.limits.Objects)
		}
		return s.open()
	case '[':
		return s.open()
	case '}', ']':
		s.close()
	case '"':
		start := *i + 1
		*i = start + stringEnd(s.text[start:])
		if s.isKey(*i + 1) {
			return s.key(s.text[start:*i])
		}
	case 'n':
		if !s.limits.Null {
			return errors.New("null")
		}
	}
	return nil
}

func (s *scanner) open() error {
	if len(s.starts) == maxDepth {
		return fmt.Errorf("nested deeper than %d", maxDepth)
	}
	s.starts = append(s.starts, len(s.keys))
	return nil
}

func (s *scanner) close() {
	last := len(s.starts) - 1
	s.keys, s.starts = s.keys[:s.starts[last]], s.starts[:last]
}

// stringEnd finds the closing quote, or the end of a text that has none.
func stringEnd(text []byte) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			return i
		case '\\':
			i++
		}
	}
	return len(text)
}

// isKey says whether the string that ends before i is one: a colon follows.
func (s *scanner) isKey(i int) bool {
	for ; i < len(s.text); i++ {
		switch s.text[i] {
		case ' ', '\t', '\r', '\n':
		default:
			return s.text[i] == ':'
		}
	}
	return false
}

// key checks one key and remembers it.
func (s *scanner) key(key []byte) error {
	for _, c := range key {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return fmt.Errorf("key %q is not in lower case", key)
		}
	}
	siblings := s.keys[s.starts[len(s.starts)-1]:]
	for _, sibling := range siblings {
		if bytes.Equal(sibling, key) {
			return fmt.Errorf("key %q stands twice", key)
		}
	}
	if len(siblings) == maxKeys {
		return fmt.Errorf("more than %d keys", maxKeys)
	}
	s.keys = append(s.keys, key)
	return nil
}
