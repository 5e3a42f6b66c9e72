package seccomp

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the tables and golden files anew")

// kernelNames are those that golang.org/x/sys calls otherwise than the kernel.
var kernelNames = map[string]string{"fstatat": "newfstatat"}

// TestTheTablesAreThoseOfTheKernelsHeaders: golang.org/x/sys takes its numbers
// from the kernel's headers.
func TestTheTablesAreThoseOfTheKernelsHeaders(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", "golang.org/x/sys/unix").Output()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	text.WriteString("package seccomp\n\n// Made by go test ./pkg/seccomp -update from the tables of golang.org/x/sys.\n")
	for _, m := range machines {
		source, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "zsysnum_linux_"+m.goarch+".go"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "\nconst calls%s = `%s\n`\n", strings.ToUpper(m.goarch), table(source))
	}
	if *update {
		if err := os.WriteFile("tables.go", []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile("tables.go")
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != text.String() {
		t.Error("tables.go is not what golang.org/x/sys has: run with -update, and weigh each line of testdata that changes")
	}
}

func table(source []byte) string {
	var lines, line string
	next := -1
	for _, match := range regexp.MustCompile(`(?m)^\s+SYS_(\w+)\s+= (\d+)`).FindAllSubmatch(source, -1) {
		name := strings.ToLower(string(match[1]))
		if kernel, other := kernelNames[name]; other {
			name = kernel
		}
		if name == "arch_specific_syscall" {
			continue
		}
		number, _ := strconv.Atoi(string(match[2]))
		if number != next {
			lines, line = lines+"\n"+line, strconv.Itoa(number)
		} else if len(line)+len(name) > 110 {
			lines, line = lines+"\n"+line, "\t"
		}
		line += " " + name
		next = number + 1
	}
	return strings.TrimPrefix(lines+"\n"+line, "\n")
}
