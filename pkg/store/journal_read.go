package store

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"

	"systemg.org/sysg/pkg/api"
)

// maxEvent bounds a line of a journal that is read.
const maxEvent = 1 << 20

// Read gives each the events that were appended so far, oldest first, until
// each says false. Lines that are no events are passed over.
func (j *Journal) Read(each func(api.Event) bool) error {
	j.settled()
	return ReadJournal(j.path, each)
}

// ReadJournal is Read without the journal's owner, for whoever finds nobody.
func ReadJournal(path string, each func(api.Event) bool) error {
	newest := 0
	for _, name := range []string{path + ".1", path} {
		goOn, err := readEvents(name, func(event api.Event) bool {
			// Between the two the files may have changed places.
			if event.Sequence <= newest {
				return true
			}
			newest = event.Sequence
			return each(event)
		})
		if err != nil || !goOn {
			return err
		}
	}
	return nil
}

// readEvents reads one file. One that is not there has no events.
func readEvents(path string, each func(api.Event) bool) (goOn bool, err error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 64<<10), maxEvent)
	for lines.Scan() {
		var event api.Event
		if json.Unmarshal(lines.Bytes(), &event) != nil || event.Sequence == 0 {
			continue
		}
		if !each(event) {
			return false, nil
		}
	}
	return true, lines.Err()
}

// lastNumber is the number of the newest event at path, 0 for none.
func lastNumber(path string) int {
	for _, name := range []string{path, path + ".1"} {
		text := tail(name, maxEvent)
		for len(text) > 0 {
			start := bytes.LastIndexByte(bytes.TrimRight(text, "\n"), '\n') + 1
			var event api.Event
			if json.Unmarshal(text[start:], &event) == nil && event.Sequence > 0 {
				return event.Sequence
			}
			text = text[:start]
		}
	}
	return 0
}

// tail is the end of a file, of at most so many bytes.
func tail(path string, most int64) []byte {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil
	}
	from := max(info.Size()-most, 0)
	text, _ := io.ReadAll(io.NewSectionReader(file, from, most))
	return text
}

func endsWithNewline(path string, size int64) bool {
	text := tail(path, min(size, 1))
	return len(text) == 1 && text[0] == '\n'
}
