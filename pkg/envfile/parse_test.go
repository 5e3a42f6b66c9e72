package envfile

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func outer(name string) (string, bool) {
	if name == "HOST" {
		return "db.example", true
	}
	return "", false
}

func TestWhatIsAccepted(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"an empty file", "", nil},
		{"blank lines and comments", "\n  \n# A=1\n\t# B=2\n", nil},
		{"a plain value", "A=1\n", []string{"A=1"}},
		{"no newline at the end", "A=1", []string{"A=1"}},
		{"an empty value", "A=\nB=2", []string{"A=", "B=2"}},
		{"blanks around words", "  A  =  b c \t\nB=2", []string{"A=b c", "B=2"}},
		{"export", "export A=1\nexport\tB='2'", []string{"A=1", "B=2"}},
		{"a variable called export", "export=1\nexport =2", []string{"export=2"}},
		{"an unquoted value keeps its inner characters", `A=a#b "c" $D \n =`, []string{`A=a#b "c" $D \n =`}},
		{"single quotes keep everything", `A='\n ${B} "x" #'`, []string{`A=\n ${B} "x" #`}},
		{"single quotes over lines", "A='one\n# two\n'\nB=3", []string{"A=one\n# two\n", "B=3"}},
		{"double quotes with escapes", `A="a\n\t\"\\\$b"`, []string{"A=a\n\t\"\\$b"}},
		{"double quotes over lines", "A=\"one\ntwo\"\nB=3", []string{"A=one\ntwo", "B=3"}},
		{"a variable of the caller", `A="pg://${HOST}/x"`, []string{"A=pg://db.example/x"}},
		{"an earlier variable wins over the caller's", "HOST=here\nA=\"${HOST}\"", []string{"HOST=here", "A=here"}},
		{"a dollar without braces is plain", `A="$HOST $ $1"`, []string{"A=$HOST $ $1"}},
		{"what came from a variable is not read again", "A='${HOST}'\nB=\"${A}\"", []string{"A=${HOST}", "B=${HOST}"}},
		{"a later definition replaces", "A=1\nB=2\nA=3", []string{"A=3", "B=2"}},
		{"a comment after a closing quote", "A='x' # why\nB=\"y\"\t#", []string{"A=x", "B=y"}},
		{"carriage returns", "A=1\r\nB='2'\r\n\r\nC=\"3\"\r\n", []string{"A=1", "B=2", "C=3"}},
		{"a byte order mark", "\ufeffA=1", []string{"A=1"}},
		{"names with dots and dashes", "spring.profile-x=1", []string{"spring.profile-x=1"}},
		{"bytes that are not UTF-8", "A=\xff\xfe", []string{"A=\xff\xfe"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Parse("x.env", []byte(test.text), outer)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestWhatIsRefused(t *testing.T) {
	for _, test := range []struct {
		name, text string
		line       int
		problem    string
	}{
		{"a line without =", "A=1\nhunter2\n", 2, "after the name"},
		{"a line that begins with =", "=hunter2", 1, "KEY=value"},
		{"a name that begins with a digit", "\n\n1A=hunter2", 3, "KEY=value"},
		{"a name with other characters", "hun/ter2=1", 1, "after the name"},
		{"export alone", "export hunter2", 1, "after the name"},
		{"export of nothing", "export\nA=1", 1, "after the name"},
		{"an unclosed single quote, by its first line", "A='hunter2\n\n", 1, "single quote"},
		{"an unclosed double quote, by its first line", "B=1\nA=\"hunter2\n\n", 2, "double quote"},
		{"a quote closed by nothing but an escape", `A="hunter2\"`, 1, "double quote"},
		{"text after a closing quote", "A='x\ny'hunter2", 2, "closing quote"},
		{"a comment glued to the quote", "A='x'#hunter2", 1, "closing quote"},
		{"an unknown escape", `A="\hunter2"`, 1, "backslash"},
		{"a backslash at the end", `A="\`, 1, "backslash"},
		{"an unset variable", "A=\"\n${hunter2}\"", 2, "not set"},
		{"an unclosed variable", `A="${hunter2"`, 1, "${"},
		{"a default, which is not in the grammar", `A="${B:-hunter2}"`, 1, "${"},
		{"a NUL byte", "A=1\nB=hunter2\x00", 2, "NUL"},
		{"a huge file", strings.Repeat("#", MaxSize+1), 1, "1 MiB"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse("x.env", []byte(test.text), outer)
			var found *Error
			if !errors.As(err, &found) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if found.Line != test.line || !strings.Contains(found.Problem, test.problem) {
				t.Errorf("got %v, want line %d with %q", err, test.line, test.problem)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%q gives a secret away", err)
			}
		})
	}
}

func TestDoublingVariablesStopAtTheBound(t *testing.T) {
	text := "A0=\"xxxxxxxx\"\n"
	for i := range 60 {
		text += string(rune('B'+i%20)) + "=\"" + strings.Repeat("${"+last(text)+"}", 2) + "\"\n"
	}
	if _, err := Parse("bomb.env", []byte(text), nil); err == nil || !strings.Contains(err.Error(), "1 MiB") {
		t.Errorf("got %v, want a refusal", err)
	}
}

// last is the name that the last line of text defines.
func last(text string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	name, _, _ := strings.Cut(lines[len(lines)-1], "=")
	return name
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "A=1", "export A='b'\n", "A=\"${HOST}\\n\"", "A='", "A=\"${", "\ufeff#x\r\nA.b-c= d ", "A=1\nA=\"${A}${A}\"",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		defined, err := Parse("fuzz.env", text, outer)
		if err != nil {
			var found *Error
			if !errors.As(err, &found) || found.Line < 1 || found.Line > 1+strings.Count(string(text), "\n") {
				t.Fatalf("an error without a line of the file: %v", err)
			}
			return
		}
		seen := map[string]bool{}
		for _, entry := range defined {
			name, _, found := strings.Cut(entry, "=")
			if !found || !IsName(name) || seen[name] || strings.ContainsRune(entry, 0) {
				t.Fatalf("%q is no definition, or a second one", entry)
			}
			seen[name] = true
		}
	})
}
