package api

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/codes.md anew")

// declaredCodes are the values of the constants named Code…, by name.
func declaredCodes(t *testing.T) map[string]string {
	t.Helper()
	codes := map[string]string{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || !strings.HasPrefix(spec.Names[0].Name, "Code") {
				return true
			}
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			codes[spec.Names[0].Name] = value
			return true
		})
	}
	if len(codes) < 50 {
		t.Fatalf("only %d codes found", len(codes))
	}
	return codes
}

func TestEveryCodeIsExplainedOnceAndNoOther(t *testing.T) {
	declared := declaredCodes(t)
	byCode := map[string]string{}
	for name, code := range declared {
		if other := byCode[code]; other != "" {
			t.Errorf("%s and %s are both %s", name, other, code)
		}
		byCode[code] = name
	}
	explained := map[string]bool{}
	for _, e := range Explanations() {
		switch {
		case byCode[e.Code] == "":
			t.Errorf("%s is explained, but no constant has it", e.Code)
		case explained[e.Code]:
			t.Errorf("%s is explained twice", e.Code)
		}
		explained[e.Code] = true
		for _, sentence := range []string{e.Meaning, e.Cause, e.Remedy} {
			if !strings.HasSuffix(sentence, ".") {
				t.Errorf("%s: not a sentence: %q", e.Code, sentence)
			}
		}
	}
	for code, name := range byCode {
		if !explained[code] {
			t.Errorf("%s (%s) has no row in explain.go or codes.go", name, code)
		}
	}
	for _, a := range Absences() {
		if byCode[a.Code] != "" {
			t.Errorf("%s does not occur, but there is a constant of it", a.Code)
		}
	}
	if !slices.IsSortedFunc(Absences(), func(a, b Absence) int { return strings.Compare(a.Code, b.Code) }) {
		t.Error("never.go is not sorted by code")
	}
}

// codesPage is docs/codes.md.
func codesPage() string {
	var b strings.Builder
	b.WriteString("# Codes\n\nEvery error that sysg shows has a code, which means the same for ever. `sysg explain CODE` says what is here.\n" +
		"This page is made from the tables of pkg/api by `go test ./pkg/api -update`.\n")
	for _, e := range Explanations() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n- **Usual cause:** %s\n- **What to do:** %s\n", e.Code, e.Meaning, e.Cause, e.Remedy)
	}
	b.WriteString("\n## Codes that do not occur\n\nThe older program had these. Scripts need not look for them.\n\n| code | meaning | why not |\n|---|---|---|\n")
	for _, a := range Absences() {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", a.Code, a.Meaning, a.Reason)
	}
	return b.String()
}

func TestThePageOfCodesIsCurrent(t *testing.T) {
	const file = "../../docs/codes.md"
	if *update {
		if err := os.WriteFile(file, []byte(codesPage()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != codesPage() {
		t.Error("docs/codes.md is not what pkg/api makes: run go test ./pkg/api -update")
	}
}
