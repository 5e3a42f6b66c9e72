package digest

import "testing"

// The value is from the test vectors of the BLAKE2 authors, for 32 bytes.
func TestTheDigestIsBLAKE2b256(t *testing.T) {
	const want = "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"
	if got := Hex([]byte("abc")); got != want {
		t.Errorf("abc gives %s, want %s", got, want)
	}
}
