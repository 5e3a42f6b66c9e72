// Package digest computes BLAKE2b-256 (RFC 7693), which names what must not be
// taken for something else: generations, projects, files.
//
// It is as strong as SHA-256, and faster. crypto/sha256 would do as well, but brings
// the rest of Go's FIPS 140 module into each program: AES, SHA-3, SHA-512, a generator
// of random bits with an entropy source, and the self-tests of them all.
package digest

import (
	"encoding/hex"

	"golang.org/x/crypto/blake2b"
)

// Hex is the digest of text in 64 hex digits.
func Hex(text []byte) string {
	sum := blake2b.Sum256(text)
	return hex.EncodeToString(sum[:])
}
