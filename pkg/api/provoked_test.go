package api

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// unprovoked are codes that no test brings about, and why not.
var unprovoked = map[string]string{
	CodeNoNewPrivs: "the kernel refuses this prctl(2) only under a seccomp filter",
}

// provocations is the text of every script and test that could bring a code
// about; the tests of the table itself do not.
func provocations(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && entry.Name() != "../.." && len(entry.Name()) > 2 {
			return err
		}
		script := strings.HasSuffix(path, ".txt") && strings.Contains(path, "test/scripts/") || strings.HasSuffix(path, ".sh") && strings.Contains(path, "test/vm/")
		test := strings.HasSuffix(path, "_test.go") && !strings.Contains(path, "pkg/api/") && !strings.HasSuffix(path, "render_test.go")
		if !script && !test {
			return nil
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func TestEveryCodeIsProvoked(t *testing.T) {
	text := provocations(t)
	for name, code := range declaredCodes(t) {
		provoked := strings.Contains(text, code) || strings.Contains(text, "api."+name)
		if reason := unprovoked[code]; !provoked && reason == "" {
			t.Errorf("%s (%s) is checked by no test and by no script", code, name)
		}
	}
}

func TestEveryCodeOfTheOlderProgramIsKnown(t *testing.T) {
	known := map[string]bool{}
	for _, e := range Explanations() {
		known[e.Code] = true
	}
	for _, a := range Absences() {
		known[a.Code] = true
	}
	for code := range strings.FieldsSeq(`
		0001 0002 0003 0004 0005 0006 0007 0008 0009 0010 0011 0012 0013 0014 0015 0016 0017 0019 0020 0021 0022 0023
		0101 0102 0103 0104 0105 0106 0107 0108 0109 0110 0111 0201 0202 0203 0204 0205 0206 0207 0208 0209 0210
		0301 0302 0303 0401 0402 0403 0404 0405 0501 0502 0503 0504 0505 0601 0602 0603 0604 0605
		0701 0702 0703 0704 0705 0711 0712 0713 0714 0721 0722 0723 0724 0725 0726 0727 0731 0732 0733
		0741 0742 0743 0744 0745 0746 0747 0748`) {
		if !known["SG"+code] {
			t.Errorf("SG%s is neither explained nor said to be absent", code)
		}
	}
}
