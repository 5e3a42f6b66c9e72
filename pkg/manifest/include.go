package manifest

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
	"systemg.org/sysg/pkg/api"
)

// includeTag marks a node that another file replaces. Once that file is read,
// the node is an alias of its root, with this tag and with the path as value,
// so that whoever follows it knows which file it is in from there on.
const includeTag = "!include"

// maxIncludes bounds how deep files may include one another.
const maxIncludes = 10

// step is one file on the way to an include, and the line where it includes
// the next one.
type step struct {
	path string
	line int
}

// included is a file that has been read. It is read and measured once, however
// often it is included, as what an anchor stands for.
type included struct {
	root *yaml.Node // nil if it cannot be used, which has been reported
	size size
	// height is how many files deep it is, itself counted.
	height int
}

// include puts a file in the place of n and returns what that amounts to. If
// it cannot, n keeps its kind, and is reported no further.
func (c *checker) include(n *yaml.Node, depth int) size {
	if n.Kind != yaml.ScalarNode || strings.TrimSpace(n.Value) == "" {
		c.refuse(n, KindInclude, "!include must be followed by the path of one file")
		return size{}
	}
	file, ok := c.includePath(n)
	if !ok {
		return size{}
	}
	c.chain = append(c.chain, step{c.path, n.Line})
	found, ok := c.open(n, file, depth)
	c.chain = c.chain[:len(c.chain)-1]
	if !ok || found.root == nil {
		return size{}
	}
	c.height = max(c.height, found.height)
	n.Kind, n.Alias, n.Value = yaml.AliasNode, found.root, file
	return found.size
}

// includePath is the path that an include names. It is taken as it is written:
// which variables there are is only known once all files are.
func (c *checker) includePath(n *yaml.Node) (string, bool) {
	rest, base, ok := anchor(n.Value, path.Dir(c.path), c.opts.Home)
	switch {
	case !ok:
		c.refuse(n, KindInclude, "the home directory is not known")
		return "", false
	case strings.ContainsRune(rest, 0):
		c.refuse(n, KindInclude, "a path cannot hold a NUL character")
		return "", false
	case path.IsAbs(rest):
		return path.Clean(rest), true
	}
	return path.Join(base, rest), true
}

// anchor says below which directory a path is, and what it is there.
func anchor(raw, dir, home string) (rest, base string, ok bool) {
	for _, prefix := range []string{"~", "$HOME", "${HOME}"} {
		if after, found := strings.CutPrefix(raw, prefix); found && (after == "" || after[0] == '/') {
			return "." + after, home, home != ""
		}
	}
	return raw, dir, true
}

// open reads a file, or finds it among those that have been read.
func (c *checker) open(n *yaml.Node, file string, depth int) (included, bool) {
	if onWay := slices.IndexFunc(c.chain, func(s step) bool { return s.path == file }); onWay >= 0 {
		c.refuseInclude(n, file, api.CodeIncludeCycle, "the files include one another")
		return included{}, false
	}
	if found, known := c.files[file]; known {
		switch {
		case len(c.chain)+found.height-1 > maxIncludes:
			return included{}, c.tooDeep(n, file)
		case depth+found.size.height-1 > maxDepth:
			c.tooNested(n)
			return included{}, false
		}
		return found, true
	}
	if len(c.chain) > maxIncludes {
		return included{}, c.tooDeep(n, file)
	}
	text, err := c.opts.Open(file)
	if err != nil {
		c.unreadable(n, file, err)
		return included{}, false
	}
	if c.text += len(text); c.text > MaxDocument {
		c.refuseInclude(n, file, api.CodeIncludeBounds, "the manifest and what it includes are larger than 8 MiB")
		c.stop = true
		return included{}, false
	}
	found := c.visit(file, text, depth)
	c.files[file] = found
	return found, true
}

// visit reads the text of an included file as a document of its own: anchors
// are those of one file.
func (c *checker) visit(file string, text []byte, depth int) included {
	outer, outerHeight := c.path, c.height
	c.path, c.height = file, 0
	root, s := c.read(text, depth)
	found := included{root: root, size: s, height: 1 + c.height}
	c.path, c.height = outer, outerHeight
	return found
}

func (c *checker) tooDeep(n *yaml.Node, file string) bool {
	c.refuseInclude(n, file, api.CodeIncludeBounds, fmt.Sprintf("files include one another more than %d deep", maxIncludes))
	return false
}

// unreadable reports a file that is not there or not to be trusted, at the
// place that asks for it.
func (c *checker) unreadable(n *yaml.Node, file string, err error) {
	p := Problem{
		Kind: KindInclude, Message: fmt.Sprintf("cannot include %s: %s", quote(n.Value), openFault(err)), Why: c.way(file),
	}
	var untrusted *Untrusted
	switch {
	case errors.As(err, &untrusted):
		p.Kind, p.Suggestion = KindUntrusted, untrusted.Mend
	case isMissing(err) && strings.Contains(n.Value, "$"):
		p.Suggestion = "the path of an include is taken as it is written, without variables"
	}
	c.add(n, p)
}

func (c *checker) refuseInclude(n *yaml.Node, file, code, message string) {
	c.add(n, Problem{Kind: KindInclude, code: code, Message: message, Why: c.way(file)})
}

// way is the chain of includes that leads to a file.
func (c *checker) way(file string) string {
	if len(c.chain) == 0 {
		return ""
	}
	var b strings.Builder
	for _, s := range c.chain {
		fmt.Fprintf(&b, "%s:%d → ", s.path, s.line)
	}
	return "the include chain is " + b.String() + file
}

// enter follows includes to the node they stand for, and says which file that
// is in. Other aliases stay what they are: their place is where they are used.
func enter(n *yaml.Node, file string) (*yaml.Node, string) {
	for {
		include := n
		for include.Kind == yaml.AliasNode && include.Tag != includeTag {
			include = include.Alias
		}
		if include.Kind != yaml.AliasNode {
			return n, file
		}
		n, file = include.Alias, include.Value
	}
}
