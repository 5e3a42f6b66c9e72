package sys

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

func ignored(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "SigIgn:")
	line, _, _ := strings.Cut(after, "\n")
	return strings.TrimSpace(line)
}

func TestWhatGlibcIgnoresIsIgnoredNoMore(t *testing.T) {
	ignore := [4]uintptr{1} // SIG_IGN
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, 34, uintptr(unsafe.Pointer(&ignore)), 0, 8, 0, 0); errno != 0 {
		t.Fatal(errno)
	}
	const bit34 = "0000000200000000"
	if got := ignored(t); got[7] != bit34[7] {
		t.Fatalf("signal 34 is not ignored: %s", got)
	}
	if err := DefaultLibcSignals(); err != nil {
		t.Fatal(err)
	}
	if got := ignored(t); got[7] != '0' || got[8] >= '8' {
		t.Errorf("ignored signals are %s", got)
	}
}
