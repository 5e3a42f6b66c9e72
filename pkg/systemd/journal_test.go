package systemd

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// journald is a socket that takes what a journal would.
func journald(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// entry receives one, from a datagram or from the file that it carries.
func entry(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	content, control := make([]byte, 1<<20), make([]byte, unix.CmsgSpace(4))
	n, controlLen, _, _, err := conn.ReadMsgUnix(content, control)
	if err != nil {
		t.Fatal(err)
	}
	if controlLen == 0 {
		return string(content[:n])
	}
	messages, err := unix.ParseSocketControlMessage(control[:controlLen])
	if err != nil {
		t.Fatal(err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fds[0]), "entry")
	defer file.Close()
	seals, err := unix.FcntlInt(file.Fd(), unix.F_GET_SEALS, 0)
	if err != nil || seals&unix.F_SEAL_WRITE == 0 || seals&unix.F_SEAL_SHRINK == 0 {
		t.Errorf("the file is sealed by %#x, %v", seals, err)
	}
	var text bytes.Buffer
	if _, err := text.ReadFrom(&readerAt{file: file}); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

type readerAt struct {
	file *os.File
	at   int64
}

func (r *readerAt) Read(p []byte) (int, error) {
	n, err := r.file.ReadAt(p, r.at)
	r.at += int64(n)
	return n, err
}

func TestTheJournalGetsEntriesOfAnySize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	server := journald(t, path)
	journal, err := OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	for _, want := range []string{"MESSAGE=short\n", "MESSAGE=" + strings.Repeat("long", 1<<19) + "\n"} {
		if n, err := journal.Write([]byte(want)); err != nil || n != len(want) {
			t.Fatalf("%d bytes: %d, %v", len(want), n, err)
		}
		if got := entry(t, server); got != want {
			t.Errorf("got %d bytes, sent %d", len(got), len(want))
		}
	}
}

func TestTheJournalIsFoundAgainAfterItsRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	server := journald(t, path)
	journal, err := OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	if _, err := journal.Write([]byte("MESSAGE=one\n")); err != nil {
		t.Fatal(err)
	}
	_ = server.Close()
	if _, err := journal.Write([]byte("MESSAGE=lost\n")); err == nil {
		t.Error("nobody took it, and that was no error")
	}
	_ = os.Remove(path)
	server = journald(t, path)
	if _, err := journal.Write([]byte("MESSAGE=two\n")); err != nil {
		t.Fatal(err)
	}
	if got := entry(t, server); got != "MESSAGE=two\n" {
		t.Errorf("got %q", got)
	}
}

// A journald that reads nothing must not hold up whoever writes.
func TestAJournalThatTakesNothingIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	journald(t, path)
	journal, err := OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	for range 10_000 {
		if _, err := journal.Write([]byte("MESSAGE=x\n")); err != nil {
			if !errors.Is(err, unix.EAGAIN) {
				t.Errorf("it fails with %v", err)
			}
			return
		}
	}
	t.Error("ten thousand entries went to nobody")
}

func TestWithoutJournaldThereIsNoJournal(t *testing.T) {
	if _, err := OpenJournal(filepath.Join(t.TempDir(), "socket")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it fails with %v", err)
	}
}

func TestNoEntryIsLostOverARestartOfTheJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	server := journald(t, path)
	journal, err := OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	if _, err := journal.Write([]byte("MESSAGE=one\n")); err != nil {
		t.Fatal(err)
	}
	_ = server.Close()
	_ = os.Remove(path)
	server = journald(t, path)
	if _, err := journal.Write([]byte("MESSAGE=two\n")); err != nil {
		t.Fatal(err)
	}
	if got := entry(t, server); got != "MESSAGE=two\n" {
		t.Errorf("got %q", got)
	}
}
