package logs

import "strings"

// StripANSI takes the control sequences of terminals out of a line: colours,
// movements of the cursor, titles of windows (ECMA-48). Text without any is
// returned as it is.
func StripANSI(text string) string {
	if !strings.Contains(text, "\x1b") {
		return text
	}
	var plain strings.Builder
	for len(text) > 0 {
		i := strings.IndexByte(text, 0x1b)
		if i < 0 {
			break
		}
		plain.WriteString(text[:i])
		text = text[i+sequence(text[i:]):]
	}
	plain.WriteString(text)
	return plain.String()
}

// sequence is the length of the control sequence that text begins with.
func sequence(text string) int {
	if len(text) < 2 {
		return len(text)
	}
	switch text[1] {
	case '[': // CSI: parameters, then a letter
		for i := 2; i < len(text); i++ {
			if text[i] >= 0x40 && text[i] <= 0x7e {
				return i + 1
			}
			if text[i] < 0x20 || text[i] > 0x7e {
				return i // It is broken off.
			}
		}
		return len(text)
	case ']', 'P', 'X', '^', '_': // OSC and other strings, up to BEL or ST
		for i := 2; i < len(text); i++ {
			if text[i] == 0x07 {
				return i + 1
			}
			if text[i] == 0x1b {
				return min(i+2, len(text))
			}
		}
		return len(text)
	}
	i := 1
	for i < len(text)-1 && text[i] >= 0x20 && text[i] <= 0x2f { // as in ESC ( B
		i++
	}
	return i + 1
}
