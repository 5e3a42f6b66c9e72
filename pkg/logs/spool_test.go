package logs

import (
	"os"
	"path/filepath"
	"testing"

	"systemg.org/sysg/pkg/sys"
)

func TestWithoutRoomForASpoolLinesAreStillKept(t *testing.T) {
	c := newCapture(t)
	if err := os.RemoveAll(c.spool); err != nil {
		t.Fatal(err)
	}
	c.run(numbered(0, 1000), policy())
	wantNumbers(t, c.texts(), 0)
}

// A line begins in the spool, goes on while there is no room, and ends in it.
func TestALineIsWholeOverALackOfRoom(t *testing.T) {
	c := newCapture(t)
	writer := c.attach(Stdout, policy())
	write(t, writer, "be")
	c.sync()
	restore := limitFileSize(t, 1)
	write(t, writer, "gin")
	c.sync()
	restore()
	write(t, writer, "ning")
	c.sync()
	write(t, writer, "\nend\n")
	c.end(writer)
	wantLines(t, c.texts(), []string{"stdout beginning", "stdout end"})
}

func TestASpoolDoesNotGrow(t *testing.T) {
	c := newCapture(t)
	writer := c.attach(Stdout, policy())
	write(t, writer, numbered(0, 200_000)+"unfinished")
	c.sync()
	spools, err := filepath.Glob(filepath.Join(c.spool, "*,web,*"))
	if err != nil || len(spools) != 1 {
		t.Fatalf("spools are %q, %v", spools, err)
	}
	file, err := os.Open(spools[0])
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if used := allocated(t, file); used > 3*readSize {
		t.Errorf("the spool takes %d bytes", used)
	}
	write(t, writer, "\n")
	c.sync()
	if _, size, err := sys.Identity(int(file.Fd())); size != 0 || err != nil {
		t.Errorf("the spool has %d bytes without an unfinished line, %v", size, err)
	}
	c.end(writer)
	c.sync()
	if _, err := os.Stat(spools[0]); !os.IsNotExist(err) {
		t.Errorf("the spool is still there: %v", err)
	}
}

func TestASpoolOfAnotherBootIsThrownAway(t *testing.T) {
	c := newCapture(t)
	write(t, c.attach(Stdout, policy()), "before the cra")
	c.Close()
	ledger, err := os.OpenFile(filepath.Join(c.spool, "ledger"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	if _, err := ledger.WriteAt([]byte("otherone"), wordBoot*8); err != nil {
		t.Fatal(err)
	}
	c.start()
	c.run("new\n", policy())
	wantLines(t, c.texts(), []string{"stdout new"})
}

func FuzzParseSpoolReadsItsOwnNames(f *testing.F) {
	f.Add("3,shop,web,1,stdout,")
	f.Add("16384,shop,web,1,stdout,health")
	f.Fuzz(func(t *testing.T, name string) {
		slot, s, ok := parseSpool(name)
		if !ok {
			return
		}
		again, err := spoolName(slot, &s)
		if err != nil {
			return // It has a slash, as no file has.
		}
		if slot2, s2, ok := parseSpool(again); !ok || slot2 != slot || s2 != s {
			t.Errorf("%q became %q", name, again)
		}
	})
}
