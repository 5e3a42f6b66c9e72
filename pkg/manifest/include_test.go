package manifest

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

// inFiles are options under which just these files are there, and a count of
// how often each was opened.
func inFiles(files map[string]string) (Options, map[string]int) {
	opens := map[string]int{}
	opts := options()
	opts.Open = func(path string) ([]byte, error) {
		opens[path]++
		text, found := files[path]
		if !found {
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		}
		return []byte(text), nil
	}
	return opts, opens
}

// chainOf is a manifest whose service is as many includes deep.
func chainOf(depth int) map[string]string {
	files := map[string]string{"/m/0.yaml": "services: {a: !include 1.yaml}"}
	for i := 1; i < depth; i++ {
		files[fmt.Sprintf("/m/%d.yaml", i)] = fmt.Sprintf("!include %d.yaml", i+1)
	}
	files[fmt.Sprintf("/m/%d.yaml", depth)] = "command: x"
	return files
}

func TestTenIncludesDeepAreAcceptedAndElevenRefused(t *testing.T) {
	opts, _ := inFiles(chainOf(10))
	if _, err := Load("/m/0.yaml", opts); err != nil {
		t.Error(err)
	}
	opts, opens := inFiles(chainOf(11))
	_, err := Load("/m/0.yaml", opts)
	problems, ok := err.(Problems)
	if !ok || len(problems) != 1 || problems[0].Code() != "SG0209" || problems[0].Path != "/m/10.yaml" {
		t.Fatalf("got %+v, want one problem with the include in 10.yaml", err)
	}
	if chain := problems[0].Why; !strings.Contains(chain, "/m/0.yaml:1 → /m/1.yaml:1 → ") || !strings.HasSuffix(chain, "/m/10.yaml:1 → /m/11.yaml") {
		t.Errorf("the chain is %q", chain)
	}
	if opens["/m/11.yaml"] > 0 {
		t.Error("the file that is too deep was opened")
	}
}

func TestAFileIncludedOftenIsOpenedOnce(t *testing.T) {
	opts, opens := inFiles(map[string]string{
		"/m/0.yaml": "services: {a: !include x/../s.yaml, b: !include ./s.yaml, c: !include /m/s.yaml}", "/m/s.yaml": "command: x",
	})
	m, err := Load("/m/0.yaml", opts)
	if err != nil || len(m.Projects[0].Services) != 3 || opens["/m/s.yaml"] != 1 {
		t.Errorf("got %v, opened %v", err, opens)
	}
}

func TestIncludesBelowTheHomeDirectory(t *testing.T) {
	opts, _ := inFiles(map[string]string{
		"/m/0.yaml": "services: {a: !include ~/s.yaml, b: !include $HOME/s.yaml}", "/home/ada/s.yaml": "command: x",
	})
	if _, err := Load("/m/0.yaml", opts); err != nil {
		t.Error(err)
	}
	opts.Home = ""
	if _, err := Load("/m/0.yaml", opts); err == nil || strings.Count(err.Error(), "home directory is not known") != 2 {
		t.Errorf("got %v", err)
	}
}

func TestTheWholeManifestCanBeAnInclude(t *testing.T) {
	opts, _ := inFiles(map[string]string{"/m/0.yaml": "!include d/real.yaml", "/m/d/real.yaml": "services: {a: {command: x, working_dir: y}}"})
	m, err := Load("/m/0.yaml", opts)
	if err != nil || m.Path != "/m/0.yaml" || m.Projects[0].Services[0].Dir != "/m/d/y" {
		t.Errorf("got %+v, %v", m, err)
	}
}

func TestIncludesAreBoundedTogether(t *testing.T) {
	half := "# " + strings.Repeat("x", MaxDocument/2) + "\ncommand: x\n"
	list := "[" + strings.Repeat("1,", maxMarks/2) + "]"
	wide := func(next string) string { return "[" + strings.Repeat("!include "+next+", ", 50) + "]" }
	for _, test := range []struct {
		name, code string
		files      map[string]string
	}{
		{"over 8 MiB together", "SG0209", map[string]string{"/m/0.yaml": "services: {a: !include 1.yaml, b: !include 2.yaml}", "/m/1.yaml": half, "/m/2.yaml": half}},
		{"over 8 MiB at once", "SG0209", map[string]string{"/m/0.yaml": "services: {a: !include 1.yaml}", "/m/1.yaml": strings.Repeat("#", MaxDocument+1)}},
		{"too many values together", "SG0210", map[string]string{"/m/0.yaml": "a: !include 1.yaml\nb: !include 2.yaml", "/m/1.yaml": list, "/m/2.yaml": list}},
		{"a bomb of files", "SG0210", map[string]string{
			"/m/0.yaml": "a: !include 1.yaml", "/m/1.yaml": wide("2.yaml"), "/m/2.yaml": wide("3.yaml"), "/m/3.yaml": wide("4.yaml"),
			"/m/4.yaml": wide("5.yaml"), "/m/5.yaml": "x",
		}},
		{"nested 64 deep over files", "SG0210", map[string]string{
			"/m/0.yaml": "a: " + strings.Repeat("[", 40) + "!include 1.yaml" + strings.Repeat("]", 40), "/m/1.yaml": strings.Repeat("[", 40) + strings.Repeat("]", 40),
		}},
		{"nested 64 deep the second time", "SG0210", map[string]string{
			"/m/0.yaml": "b: !include 1.yaml\na: " + strings.Repeat("[", 40) + "!include 1.yaml" + strings.Repeat("]", 40), "/m/1.yaml": strings.Repeat("[", 40) + strings.Repeat("]", 40),
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			opts, _ := inFiles(test.files)
			_, err := Load("/m/0.yaml", opts)
			problems, ok := err.(Problems)
			if !ok || !slices.ContainsFunc(problems, func(p Problem) bool { return !p.Warning && p.Code() == test.code }) {
				t.Errorf("got %.300v", err)
			}
		})
	}
}

// FuzzInclude reads a manifest of three files that a fuzzer writes.
func FuzzInclude(f *testing.F) {
	f.Add("services: !include 1", "a: !include 2", "command: x")
	f.Add("!include 1", "!include 2", "services: {a: &a {exec: [x]}, b: *a}")
	f.Add("services: {a: &a !include 1, b: *a}", "command: &a x\nenv: !include 2", "A: !include 1")
	f.Add("? !include 1\n: !include [2]", "&a [*a]", "")
	f.Fuzz(func(t *testing.T, zero, one, two string) {
		opts, _ := inFiles(map[string]string{"/m/0": zero, "/m/1": one, "/m/2": two})
		opts, sources := recorded(opts)
		m, err := Load("/m/0", opts)
		if problems, ok := err.(Problems); ok && problems.fatal() {
			for _, p := range problems {
				if p.Path == "" {
					t.Errorf("a problem of no file: %v", p)
				}
				p.Render(sources)
			}
		} else if err != nil || len(m.Projects) == 0 {
			t.Errorf("neither problems nor projects: %v", err)
		}
	})
}
