package sys

import (
	"strconv"
	"strings"
)

// address is an IP address of 4 or 16 bytes. (net/netip would do this, and make
// every staged launch initialise it.)
type address []byte

// parseAddress reads an IPv4 address in dots or an IPv6 address in colons (RFC
// 4291, without a zone); nil if text is neither.
func parseAddress(text string) address {
	if !strings.Contains(text, ":") {
		return parseIPv4(text)
	}
	head, tail, short := strings.Cut(text, "::")
	before, ok := parseGroups(head, !short)
	if !ok {
		return nil
	}
	after, ok := parseGroups(tail, true)
	missing := 16 - len(before) - len(after)
	if !ok || missing < 0 || !short && missing != 0 || short && missing == 0 {
		return nil
	}
	return append(append(before, make(address, missing)...), after...)
}

func parseIPv4(text string) address {
	parts := strings.Split(text, ".")
	if len(parts) != 4 {
		return nil
	}
	out := make(address, 4)
	for i, part := range parts {
		value, err := strconv.ParseUint(part, 10, 8)
		if err != nil || len(part) > 1 && part[0] == '0' || part[0] == '+' {
			return nil // 010 is eight to some and ten to others.
		}
		out[i] = byte(value)
	}
	return out
}

// parseGroups reads what stands on one side of "::". The last one may end in an
// IPv4 address.
func parseGroups(text string, last bool) (out address, ok bool) {
	if text == "" {
		return nil, true
	}
	parts := strings.Split(text, ":")
	for i, part := range parts {
		if last && i == len(parts)-1 && strings.Contains(part, ".") {
			four := parseIPv4(part)
			return append(out, four...), four != nil
		}
		value, err := strconv.ParseUint(part, 16, 16)
		if err != nil || len(part) > 4 || part[0] == '+' {
			return nil, false
		}
		out = append(out, byte(value>>8), byte(value))
	}
	return out, true
}
