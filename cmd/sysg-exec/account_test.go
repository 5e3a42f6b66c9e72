package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheDaemonIsFoundInTheFile(t *testing.T) {
	const others = "root:x:0:0:root:/root:/bin/bash\nsysgd2:x:5:5::/:/bin/false\nxsysgd:x:6:6::/:/bin/false\n"
	for _, test := range []struct {
		name, text string
		want       account
		wrong      string
	}{
		{"it is there", others + "sysgd:x:998:997:sysg daemon:/nonexistent:/usr/sbin/nologin\n", account{998, 997}, ""},
		{"at the end without a newline", others + "sysgd:x:998:997::/:/bin/false", account{998, 997}, ""},
		{"it is not there", others, account{}, "there is none"},
		{"nothing is there", "", account{}, "there is none"},
		{"there are two", "sysgd:x:998:998::/:/bin/false\nsysgd:x:0:0::/:/bin/false\n", account{}, "two"},
		{"it is root", "sysgd:x:0:997::/:/bin/false\n", account{}, `"0"`},
		{"its group is root's", "sysgd:x:998:0::/:/bin/false\n", account{}, `"0"`},
		{"it is nobody that can be meant", "sysgd:x:4294967295:997::/:/bin/false\n", account{}, "4294967295"},
		{"a number too large", "sysgd:x:4294967296:997::/:/bin/false\n", account{}, "4294967296"},
		{"a negative number", "sysgd:x:-1:997::/:/bin/false\n", account{}, "-1"},
		{"a number in another spelling", "sysgd:x:0998:997::/:/bin/false\n", account{}, "0998"},
		{"no number", "sysgd:x::997::/:/bin/false\n", account{}, `""`},
		{"too few fields", "sysgd:x:998:997\n", account{}, "4 fields"},
		{"too many fields", "sysgd:x:998:997::/:/bin/false:\n", account{}, "8 fields"},
		{"a line of another system", "sysgd:x:998:997::/:/bin/false\r\n", account{998, 997}, ""},
	} {
		path := filepath.Join(t.TempDir(), "passwd")
		if err := os.WriteFile(path, []byte(test.text), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := findDaemon(path)
		if got != test.want || (err == nil) != (test.wrong == "") || err != nil && !strings.Contains(err.Error(), test.wrong) {
			t.Errorf("%s: %+v, %v", test.name, got, err)
		}
	}
	if _, err := findDaemon(t.TempDir()); err == nil {
		t.Error("a directory was read")
	}
	if _, err := findDaemon("/nonexistent/passwd"); err == nil {
		t.Error("nothing was read")
	}
}
