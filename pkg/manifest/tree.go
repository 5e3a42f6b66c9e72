package manifest

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// size is what a node is, once its aliases are replaced. The counts stop at
// their bounds, so they cannot overflow.
type size struct{ nodes, text, height int }

// checker walks a tree once. Anchored nodes are measured where they are
// defined and looked up where they are used, so a bomb is as quick to measure
// as it is to read.
type checker struct {
	path     string
	sizes    map[*yaml.Node]size
	problems Problems
	// stop is set when the tree cannot be read at all.
	stop bool
}

func (c *checker) refuse(n *yaml.Node, kind Kind, format string, args ...any) {
	if len(c.problems) >= maxProblems {
		return
	}
	c.problems = append(c.problems, Problem{
		Path: c.path, Line: n.Line, Column: n.Column, Kind: kind, Message: fmt.Sprintf(format, args...),
	})
}

// walk measures a node at that depth, and everything in it.
func (c *checker) walk(n *yaml.Node, depth int) size {
	if c.stop {
		return size{}
	}
	if n.Kind == yaml.AliasNode {
		return c.alias(n, depth)
	}
	if depth > maxDepth {
		c.refuse(n, KindConfig, "nested more than %d deep", maxDepth)
		c.stop = true
		return size{}
	}
	total := size{nodes: 1, text: len(n.Value), height: 1}
	for _, child := range n.Content {
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
		c.refuse(n, KindConfig, "nested more than %d deep", maxDepth)
		c.stop = true
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
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}
