package sys

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

func TestSpliceMovesAPipeIntoAFile(t *testing.T) {
	readFD, writeFD, err := LogPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer CloseAll([]int{readFD})
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	fd := int(file.Fd())
	if n, err := Splice(readFD, fd, 0, 100); !errors.Is(err, ErrWouldBlock) {
		t.Errorf("of an empty pipe: %d, %v", n, err)
	}
	writer := os.NewFile(uintptr(writeFD), "write end")
	if _, err := writer.WriteString("some text"); err != nil {
		t.Fatal(err)
	}
	if n, err := Splice(readFD, fd, 3, 4); n != 4 || err != nil {
		t.Errorf("moved %d of 4, %v", n, err)
	}
	if n, err := Buffered(readFD); n != 5 || err != nil {
		t.Errorf("the pipe holds %d, want 5, %v", n, err)
	}
	if n, err := Splice(readFD, fd, 7, 100); n != 5 || err != nil {
		t.Errorf("moved %d of 5, %v", n, err)
	}
	writer.Close()
	if n, err := Splice(readFD, fd, 12, 100); n != 0 || err != nil {
		t.Errorf("at the end: %d, %v", n, err)
	}
	content, err := os.ReadFile(file.Name())
	if err != nil || string(content) != "\x00\x00\x00some text" {
		t.Errorf("the file holds %q, %v", content, err)
	}
}

func TestPunchHoleKeepsOffsetsAndSize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(strings.Repeat("x", 8192)+"rest"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := PunchHole(int(file.Fd()), 8192); err != nil {
		t.Fatal(err)
	}
	inode, size, err := Identity(int(file.Fd()))
	if inode == 0 || size != 8196 || err != nil {
		t.Errorf("inode %d, size %d, %v", inode, size, err)
	}
	content, err := os.ReadFile(path)
	if err != nil || string(content) != strings.Repeat("\x00", 8192)+"rest" {
		t.Errorf("%d bytes are there, %v", len(content), err)
	}
}

func TestWordsAreInTheFileAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "words")
	if err := os.WriteFile(path, make([]byte, 24), 0o600); err != nil {
		t.Fatal(err)
	}
	var all []Words
	for range 2 {
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		words, err := MapWords(file, 3)
		if err != nil {
			t.Fatal(err)
		}
		file.Close()
		all = append(all, words)
	}
	atomic.StoreUint64(&all[0][2], 1<<63+7)
	if got := atomic.LoadUint64(&all[1][2]); got != 1<<63+7 {
		t.Errorf("the other mapping has %d", got)
	}
	for _, words := range all {
		if err := words.Unmap(); err != nil {
			t.Error(err)
		}
	}
}
