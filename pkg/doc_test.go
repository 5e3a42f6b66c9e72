package pkg

import (
	"strings"
	"testing"
)

// TestEveryPackageSaysWhatItIsFor: a package comment that a newcomer learns
// from, in the form that `go doc` expects.
func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	docs, names := map[string]string{}, map[string]string{}
	for _, s := range sources(t) {
		names[s.pkg] = s.ast.Name.Name
		if s.ast.Doc == nil {
			continue
		}
		if docs[s.pkg] != "" {
			t.Errorf("%s has a second package comment, in %s", s.pkg, s.file)
		}
		docs[s.pkg] = s.ast.Doc.Text()
		if lines := strings.Count(docs[s.pkg], "\n"); lines > 10 && !strings.HasSuffix(s.file, "/doc.go") && names[s.pkg] != "main" {
			t.Errorf("%s: a package comment of %d lines belongs in doc.go", s.file, lines)
		}
	}
	for pkg, name := range names {
		if problem := judgeDoc(name, pkg, docs[pkg]); problem != "" {
			t.Errorf("%s: %s", pkg, problem)
		}
	}
}

// judgeDoc says what is wrong with a package comment, "" if nothing is.
func judgeDoc(name, pkg, doc string) string {
	begin := "Package " + name + " "
	if name == "main" {
		begin = "Command " + pkg[strings.LastIndex(pkg, "/")+1:] + " "
	}
	switch {
	case doc == "":
		return "no package comment"
	case !strings.HasPrefix(doc, begin):
		return "the package comment does not begin with " + begin
	case len(strings.Fields(doc)) < 20:
		return "the package comment says too little: " + doc
	}
	return ""
}

func TestTheJudgeOfDocsRefuses(t *testing.T) {
	for _, doc := range []string{"", "Package plan plans.\n", "Plans things. " + strings.Repeat("word ", 30)} {
		if judgeDoc("plan", "pkg/plan", doc) == "" {
			t.Errorf("the comment %q is accepted", doc)
		}
	}
}
