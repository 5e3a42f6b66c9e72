package manifest

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// size is what a node is, once its aliases are replaced. The counts stop at
// their bounds, so they cannot overflow.
type size struct{ nodes, text, height int }

// checker walks the tree of a manifest once, and those of the files that it
// includes. Anchored nodes are measured where they are defined and looked up
// where they are used, so a bomb is as quick to measure as it is to read.
type checker struct {
	path  string // of the file that is walked
	opts  Options
	sizes map[*yaml.Node]size
	files map[string]included // by path
	// chain is how the walked file is come to, height how many files deep its
	// includes so far are.
	chain  []step
	height int
	// text and marks are those of all files.
	text, marks int
	problems    Problems
	// stop is set when the tree cannot be read at all.
	stop bool
}

func (c *checker) refuse(n *yaml.Node, kind Kind, format string, args ...any) {
	c.add(n, Problem{Kind: kind, Message: fmt.Sprintf(format, args...)})
}

func (c *checker) add(n *yaml.Node, p Problem) {
	if len(c.problems) < maxProblems {
		p.Path, p.Line, p.Column = c.path, n.Line, n.Column
		c.problems = append(c.problems, p)
	}
}

func (c *checker) tooNested(n *yaml.Node) {
	c.refuse(n, KindConfig, "nested more than %d deep", maxDepth)
	c.stop = true
}

// walk measures a node at that depth, and everything in it.
func (c *checker) walk(n *yaml.Node, depth int) size {
	if c.stop {
		return size{}
	}
	switch {
	case n.Kind == yaml.AliasNode:
		return c.alias(n, depth)
	case depth > maxDepth:
		c.tooNested(n)
		return size{}
	case n.Tag == includeTag:
		s := c.include(n, depth)
		if n.Anchor != "" {
			c.sizes[n] = s
		}
		return s
	}
	total := size{nodes: 1, text: len(n.Value), height: 1}
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && child.Tag == includeTag {
			c.refuse(child, KindInclude, "a key cannot be included, only a value can")
			continue
		}
		s := c.walk(child, depth+1)
		total.nodes += s.nodes
		total.text += s.text
		total.height = max(total.height, 1+s.height)
		if !c.stop && (total.nodes > maxNodes || total.text > maxText) {
			c.refuse(child, KindConfig, "the aliases stand for more than %d values or %d MiB", maxNodes, maxText>>20)
			c.stop = true
		}
	}
	if n.Kind == yaml.MappingNode {
		c.duplicates(n)
	}
	if n.Anchor != "" {
		c.sizes[n] = total
	}
	return total
}

func (c *checker) alias(n *yaml.Node, depth int) size {
	s, measured := c.sizes[n.Alias]
	switch {
	case !measured:
		c.refuse(n, KindYAML, "anchor %s contains itself", quote(n.Value))
		c.stop = true
	case depth+s.height-1 > maxDepth:
		c.tooNested(n)
	}
	return s
}

// duplicates refuses a mapping with two keys of one name, of which YAML
// libraries take the last without a word.
func (c *checker) duplicates(n *yaml.Node) {
	first := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := target(n.Content[i])
		if key.Kind != yaml.ScalarNode {
			c.refuse(n.Content[i], KindYAML, "a key must be plain text")
			continue
		}
		if line, found := first[key.Value]; found {
			c.refuse(n.Content[i], KindYAML, "key %s is there twice, first on line %d", quote(key.Value), line)
			continue
		}
		first[key.Value] = n.Content[i].Line
	}
}

// target is the node itself, or what it is an alias of.
func target(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}
