package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
	"systemg.org/sysg/pkg/api"
)

// The bounds of a document. YAML can say very much in very few bytes, and the
// author of a manifest need not be who reads it.
const (
	// MaxDocument bounds the text of a manifest, in bytes, and of the files that
	// it includes with it.
	MaxDocument = 8 << 20
	// maxMarks bounds the characters that begin a YAML node in all files, counted before
	// parsing, since the parser takes 200 bytes and a microsecond for each.
	maxMarks = 1 << 18
	// maxDepth bounds the nesting, aliases included.
	maxDepth = 64
	// maxNodes and maxText bound what the document is once every alias is
	// replaced by what it stands for.
	maxNodes = 1 << 19
	maxText  = 2 * MaxDocument
	// maxServices bounds the services: each takes memory even where it is but
	// an alias of another.
	maxServices = 40_000
)

// document is the syntax tree of a text, with that of each file that it
// includes; nil if there are problems that leave none.
func document(path string, text []byte, opts Options) (*yaml.Node, Problems) {
	if len(text) > MaxDocument {
		return nil, Problems{{Path: path, Kind: KindConfig, Message: "the manifest is larger than 8 MiB"}}
	}
	c := checker{path: path, opts: opts, sizes: map[*yaml.Node]size{}, files: map[string]included{}, text: len(text)}
	root, _ := c.read(text, 1)
	if c.stop {
		return nil, c.problems
	}
	return root, c.problems
}

// read is the tree of one file and its measure. An empty file is a null.
func (c *checker) read(text []byte, depth int) (*yaml.Node, size) {
	if p, bad := c.prescan(text); bad {
		p.Path, p.Why = c.path, c.way(c.path)
		c.problems = append(c.problems, p)
		return nil, size{}
	}
	root, err := decode(text)
	if err != nil {
		p := syntaxProblem(c.path, text, err)
		if len(c.chain) > 0 {
			p.code, p.Why = api.CodeInclude, c.way(c.path)
		}
		c.problems = append(c.problems, p)
		return nil, size{}
	}
	if root == nil {
		root = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: 1, Column: 1}
	}
	return root, c.walk(root, depth)
}

// prescan refuses, in one pass over the bytes, what should not reach the parser.
func (c *checker) prescan(text []byte) (Problem, bool) {
	line, start := 1, 0
	for i := 0; i < len(text); {
		r, length := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, length = utf8.DecodeRune(text[i:])
		}
		if r == utf8.RuneError && length == 1 || r < ' ' && r != '\t' && r != '\n' && r != '\r' {
			return Problem{
				Line: line, Column: 1 + utf8.RuneCount(text[start:i]), Kind: KindYAML,
				Message: fmt.Sprintf("byte 0x%02x is not text in UTF-8", text[i]),
			}, true
		}
		if isMark(text, i) {
			c.marks++
		}
		i += length
		if r == '\n' {
			line, start = line+1, i
		}
	}
	if c.marks > maxMarks {
		return Problem{Kind: KindConfig, Message: fmt.Sprintf("the manifest holds more than %d values", maxMarks)}, true
	}
	return Problem{}, false
}

// isMark says whether text[i] may begin or end a node. Commas and the like in
// plain text count too, which only matters for half a million of them.
func isMark(text []byte, i int) bool {
	switch text[i] {
	case ',', '[', '{':
		return true
	case ':', '-', '?':
		return i+1 == len(text) || text[i+1] <= ' ' || i > 0 && (text[i-1] == '"' || text[i-1] == '\'')
	}
	return false
}

// errParser marks a panic of the YAML library.
var errParser = errors.New("this is not YAML")

// decode reads the one document of the text. The library reports what it
// cannot read by panics of its own, which it recovers; any other panic would
// take the program down over a file, so it becomes an error too.
func decode(text []byte) (root *yaml.Node, err error) {
	defer func() {
		if recover() != nil {
			root, err = nil, errParser
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var first, second yaml.Node
	if err := decoder.Decode(&first); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if err := decoder.Decode(&second); err == nil {
		return nil, fmt.Errorf("yaml: line %d: a second document begins here, a manifest is one", second.Line)
	} else if !errors.Is(err, io.EOF) {
		return nil, err
	}
	if first.Kind == yaml.DocumentNode && len(first.Content) == 1 {
		return first.Content[0], nil
	}
	return nil, nil
}

// syntaxProblem finds the place that the library names in the text of its error.
func syntaxProblem(path string, text []byte, err error) Problem {
	p := Problem{Path: path, Kind: KindYAML}
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	if after, found := strings.CutPrefix(message, "line "); found {
		number, rest, _ := strings.Cut(after, ": ")
		if line, err := strconv.Atoi(number); err == nil {
			p.Line, message = line, rest
		}
	}
	if name, found := strings.CutPrefix(message, "unknown anchor '"); found {
		name, _, _ = strings.Cut(name, "'")
		if i := bytes.Index(text, []byte("*"+name)); i >= 0 {
			p.Line = 1 + bytes.Count(text[:i], []byte{'\n'})
			p.Column = 1 + utf8.RuneCount(text[1+bytes.LastIndexByte(text[:i], '\n'):i])
		}
	}
	p.Message = "cannot parse YAML: " + message
	p.blameTab(text)
	return p
}

// blameTab finds the tab that an indentation has, for which the library often
// blames the line before.
func (p *Problem) blameTab(text []byte) {
	var sources Sources
	sources.Add(p.Path, text)
	for number := p.Line; number > 0 && number <= p.Line+1; number++ {
		line, _ := sources.line(p.Path, number)
		if indent := len(line) - len(strings.TrimLeft(line, " ")); strings.HasPrefix(line[indent:], "\t") {
			p.Line, p.Column, p.Suggestion = number, indent+1, "indent with spaces, YAML does not allow tabs"
			return
		}
	}
}
