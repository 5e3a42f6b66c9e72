package sys

import (
	"encoding/hex"

	"golang.org/x/sys/unix"
)

// RandomID is 32 random hex digits.
func RandomID() (string, error) {
	var id [16]byte
	_, err := retryValue("getrandom", func() (int, error) { return unix.Getrandom(id[:], 0) })
	return hex.EncodeToString(id[:]), err
}
