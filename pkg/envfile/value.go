package envfile

import "strings"

// value reads what follows the =, up to the end of its line.
func (p *parser) value() (string, error) {
	var value string
	var err error
	switch {
	case strings.HasPrefix(p.rest, "'"):
		value, err = p.singleQuoted()
	case strings.HasPrefix(p.rest, `"`):
		value, err = p.doubleQuoted()
	default:
		return strings.TrimRight(p.takeLine(), " \t\r"), nil
	}
	if err != nil {
		return "", err
	}
	return value, p.endOfQuoted()
}

// endOfQuoted refuses what a reader could take for a part of the value.
func (p *parser) endOfQuoted() error {
	blank := p.takeWhile(isBlank)
	if p.rest == "" || p.rest[0] == '\n' {
		return nil
	}
	if p.rest[0] == '#' && blank != "" {
		p.takeLine()
		return nil
	}
	return p.fail("text after the closing quote")
}

func (p *parser) singleQuoted() (string, error) {
	end := strings.IndexByte(p.rest[1:], '\'')
	if end < 0 {
		return "", p.fail("a single quote that is never closed")
	}
	quoted := p.take(end + 2)
	return quoted[1 : len(quoted)-1], nil
}

func (p *parser) doubleQuoted() (string, error) {
	unclosed := p.fail("a double quote that is never closed")
	var value strings.Builder
	for p.take(1); p.rest != ""; {
		switch p.rest[0] {
		case '"':
			p.take(1)
			return value.String(), nil
		case '\\':
			c, err := p.escape()
			if err != nil {
				return "", err
			}
			value.WriteByte(c)
		case '$':
			text, err := p.variable()
			if err != nil {
				return "", err
			}
			value.WriteString(text)
		default:
			value.WriteString(p.takeWhile(func(c byte) bool { return c != '"' && c != '\\' && c != '$' }))
		}
		// Checked as it grows: each variable may be the double of the one before.
		if value.Len() > MaxSize {
			return "", p.fail("a value of more than 1 MiB")
		}
	}
	return "", unclosed
}

// escapes maps the byte after a backslash to what it stands for.
var escapes = [256]byte{'n': '\n', 't': '\t', '"': '"', '\\': '\\', '$': '$'}

func (p *parser) escape() (byte, error) {
	if len(p.rest) < 2 || escapes[p.rest[1]] == 0 {
		return 0, p.fail(`a backslash that is followed by none of n t " \ $`)
	}
	return escapes[p.take(2)[1]], nil
}

// variable reads ${NAME}. Any other $ stands for itself.
func (p *parser) variable() (string, error) {
	if !strings.HasPrefix(p.rest, "${") {
		return p.take(1), nil
	}
	end := strings.IndexByte(p.rest, '}')
	if end < 0 || !IsName(p.rest[2:end]) {
		return "", p.fail(`a ${ that is not followed by a name and }; write \$ for a plain $`)
	}
	name := p.rest[2:end]
	value, found := p.resolve(name)
	if !found {
		return "", p.fail("a variable in ${} that is not set")
	}
	p.take(end + 1)
	return value, nil
}

func (p *parser) resolve(name string) (string, bool) {
	if i, found := p.index[name]; found {
		return p.defined[i][len(name)+1:], true
	}
	if p.lookup == nil {
		return "", false
	}
	return p.lookup(name)
}
