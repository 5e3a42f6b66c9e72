package systemd

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

func TestARecordIsAnEntryWithAFieldForEachAttribute(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	journald, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	journal, err := OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	var fallback bytes.Buffer
	log := slog.New(NewLogHandler(journal, slog.NewTextHandler(&fallback, nil)))
	log.With("project", "shop").Warn("Cannot do it", "service", "api", "error", errors.New("no"))
	text := make([]byte, 4096)
	n, err := journald.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	want := "SYSG_PROJECT=shop\nSYSG_SERVICE=api\nSYSG_ERROR=no\nMESSAGE=Cannot do it, project shop, service api, error no\nPRIORITY=4\nSYSLOG_IDENTIFIER=sysgd\n"
	if string(text[:n]) != want {
		t.Errorf("got %q, want %q", text[:n], want)
	}
	_ = journald.Close()
	log.Info("Nobody there", "service", "api")
	if !strings.Contains(fallback.String(), `msg="Nobody there" service=api`) {
		t.Errorf("what journald does not take is lost: %q", fallback.String())
	}
}

func TestStandardErrorIsTheJournalOnlyWhereItIs(t *testing.T) {
	if ToJournal(func(string) string { return "1:2" }) || ToJournal(func(string) string { return "" }) {
		t.Error("it is not")
	}
}
