package sys

import (
	"io"
	"os"
	"testing"
)

func TestADuplicateOutlivesTheFirst(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	second, err := DupFile(w)
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	if _, err := second.WriteString("still here"); err != nil {
		t.Error(err)
	}
	_ = second.Close()
	if text, err := io.ReadAll(r); err != nil || string(text) != "still here" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := DupFile(w); err == nil {
		t.Error("a closed file was duplicated")
	}
}
