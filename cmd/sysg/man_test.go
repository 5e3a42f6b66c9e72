package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/spf13/pflag"
)

// TestTheManualIsMadeOfTheHelp holds docs/man against what --help says, and the
// pages of the daemons and of the manifest against their sources; with -update it
// writes them.
func TestTheManualIsMadeOfTheHelp(t *testing.T) {
	pages := map[string]string{"sysg.1": manualOfSysg()}
	for _, v := range verbs() {
		if !v.internal {
			pages["sysg-"+v.name+".1"] = manualOf(v)
		}
	}
	sources, err := filepath.Glob("../../docs/man/*.md")
	if err != nil || len(sources) != 3 {
		t.Fatal(sources, err)
	}
	for _, source := range sources {
		pages[strings.TrimSuffix(filepath.Base(source), ".md")] = read(t, source)
	}
	manifest := read(t, "../../docs/manifest.md")
	manifest = strings.Replace(manifest, "# The manifest\n", "# systemg.yaml 5 \"\" \"sysg\" \"File formats\"\n\n## NAME\n\nsystemg.yaml - a stack of services\n\n## DESCRIPTION\n", 1)
	pages["systemg.yaml.5"] = listed(manifest)
	old, err := filepath.Glob("../../docs/man/*.[1-8]")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range old {
		if pages[filepath.Base(path)] == "" {
			t.Errorf("%s is of nothing that there is", path)
		}
	}
	for name, text := range pages {
		path := filepath.Join("../../docs/man", name)
		page := md2man.Render([]byte(text))
		if *update {
			if err := os.WriteFile(path, page, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if read(t, path) != string(page) {
			t.Errorf("%s differs: go test ./cmd/sysg -update", path)
		}
	}
}

// listed has tables as lists, since a manual page is too narrow for them, and
// code in bold as code alone, which md2man cannot nest.
func listed(text string) string {
	var b strings.Builder
	row := 0
	for line := range strings.SplitSeq(strings.NewReplacer("**`", "`", "`**", "`").Replace(text), "\n") {
		if !strings.HasPrefix(line, "|") {
			row = 0
			b.WriteString(line + "\n")
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if row++; row <= 2 { // Its head, and the line below.
			continue
		}
		last := len(cells) - 1
		fmt.Fprintf(&b, "%s\n: %s.", cells[0], cells[last])
		if last > 0 && cells[1] != "" && last > 1 {
			fmt.Fprintf(&b, " Value: %s.", escape(cells[1]))
		}
		if last > 2 && cells[2] != "" {
			fmt.Fprintf(&b, " Default: %s.", cells[2])
		}
		b.WriteString("\n\n")
	}
	return b.String()
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// manualOfSysg is sysg(1).
func manualOfSysg() string {
	var b strings.Builder
	head(&b, "sysg", "run stacks of services", "**sysg** *COMMAND* [*OPTION*...]")
	b.WriteString("## DESCRIPTION\n\n**sysg** starts a stack of services from one YAML file, **systemg.yaml**(5), and keeps it running. **systemg**(7) tells how the parts work together.\n\n## COMMANDS\n\n")
	for _, v := range verbs() {
		if !v.internal {
			fmt.Fprintf(&b, "**sysg-%s**(1)\n: %s.\n\n", v.name, v.short)
		}
	}
	b.WriteString("## OPTIONS OF EVERY COMMAND\n\n")
	options(&b, general(), nil)
	b.WriteString(`## ENVIRONMENT

**NO_COLOR**, **CLICOLOR_FORCE**
: no colour, or colour everywhere.

**SYSTEMG_AGENT**
: anything but 0 is **--plain**: for programs that read a terminal.

**SYSTEMG_TAIL_MODE**
: *oneshot* keeps **sysg logs** from following.

**SYSG_ANSWER_WITHIN**
: how long the supervisor may take to answer, for slow machines: a duration.

## EXIT STATUS

0
: it was done.

1
: it was not, or not wholly.

2
: the command line is wrong; for **status**, something is failing.

3, 4, 124
: **plan**, **why** and other commands that systemg 0.66 did not have: no supervisor
runs; there is no such service; the time is up.

## SEE ALSO

**systemg**(7), **systemg.yaml**(5), **sysgd**(8), **sysg-exec**(8)
`)
	return b.String()
}

// manualOf is the page of one verb.
func manualOf(v verb) string {
	flags := newFlags(v.name, &globals{})
	_ = v.setup(flags)
	var b strings.Builder
	synopsis := "**sysg " + v.name + "**"
	if describeFlags(flags, general()) != "" {
		synopsis += " [*OPTION*...]"
	}
	if v.usage != "" {
		synopsis += " " + escape(v.usage)
	}
	head(&b, "sysg-"+v.name, v.short, synopsis)
	b.WriteString("## DESCRIPTION\n\n")
	for paragraph := range strings.SplitSeq(v.help, "\n\n") {
		if lines := indented(paragraph); lines != "" {
			b.WriteString(lines + "\n\n")
		}
	}
	if describeFlags(flags, general()) != "" {
		b.WriteString("## OPTIONS\n\n")
		options(&b, flags, general())
	}
	b.WriteString("The options of every command are in **sysg**(1).\n\n## SEE ALSO\n\n**sysg**(1), **systemg.yaml**(5)\n")
	return b.String()
}

func head(b *strings.Builder, name, short, synopsis string) {
	fmt.Fprintf(b, "# %s 1 \"\" \"sysg\" \"User commands\"\n\n## NAME\n\n%s - %s\n\n## SYNOPSIS\n\n%s\n\n", name, name, short, synopsis)
}

// indented is a paragraph of help with its examples as such.
func indented(paragraph string) string {
	var b strings.Builder
	example := false
	for line := range strings.SplitSeq(paragraph, "\n") {
		if strings.HasPrefix(line, "  ") != example {
			example = !example
			b.WriteString("\n")
		}
		if example {
			b.WriteString("    " + line[2:] + "\n")
		} else {
			b.WriteString(escape(line) + "\n")
		}
	}
	return strings.Trim(b.String(), "\n")
}

func options(b *strings.Builder, flags, others *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || others != nil && others.Lookup(f.Name) != nil {
			return
		}
		name := "**--" + f.Name + "**"
		if f.Shorthand != "" {
			name = "**-" + f.Shorthand + "**, " + name
		}
		if f.Value.Type() != "bool" {
			name += " *" + strings.ToUpper(f.Name) + "*"
		}
		fmt.Fprintf(b, "%s\n: %s.\n\n", name, escape(f.Usage))
	})
}

// escape keeps Markdown from reading text as its own.
func escape(text string) string {
	return strings.NewReplacer("*", `\*`, "_", `\_`, "<", `\<`, "[", `\[`, "]", `\]`, "`", "\\`").Replace(text)
}
