package logs

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"systemg.org/sysg/pkg/sys"
)

// The ledger's words, in the file "ledger" of the spool's folder. Slots follow:
// one word for each spool, the position up to which its bytes are in the log.
const (
	wordBoot   = iota // identifies the boot, and the layout
	wordArmed         // 1 + the slot whose lines are being written, or 0
	wordBefore        // that slot's position before them
	wordInode         // the log that they are written to
	wordLength        // its length before them
	wordCount

	slotCount = 16 << 10
)

// layout changes with the meaning of the words or of the names of spools.
const layout = "1"

// bootIDPath names the boot. A pipe does not outlive it, and after a crash of
// the machine files and ledger need not fit together.
const bootIDPath = "/proc/sys/kernel/random/boot_id"

// ledger says how far the spools are written to the logs. Only Capture's
// goroutine uses it, and New.
type ledger struct {
	dir   string // of the spools
	words sys.Words
	free  []int // slots
	// left are the spools that the last process left and nobody has claimed.
	left []leftover
}

// leftover is a spool that waits for its pipe.
type leftover struct {
	slot int
	source
}

// openLedger opens or makes the ledger, and cuts from a log what the last
// process wrote to it and did not come to commit.
func openLedger(dir, logs string) (*ledger, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	id, err := os.ReadFile(bootIDPath)
	if err != nil {
		return nil, err
	}
	hash := fnv.New64a()
	_, _ = hash.Write(append(id, layout...)) // It cannot fail.
	l := &ledger{dir: dir}
	if l.words, err = mapLedger(filepath.Join(dir, "ledger")); err != nil {
		return nil, err
	}
	if err := l.load(hash.Sum64(), logs); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// mapLedger writes the file in full before it maps it, since a page that the
// file system has no room for is fatal when it is touched.
func mapLedger(path string) (sys.Words, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	const size = (wordCount + slotCount) * 8
	if missing := size - info.Size(); missing > 0 {
		if _, err := file.WriteAt(make([]byte, missing), info.Size()); err != nil {
			return nil, err
		}
	}
	return sys.MapWords(file, wordCount+slotCount)
}

func (l *ledger) load(boot uint64, logs string) error {
	fresh := l.get(wordBoot) != boot
	if fresh {
		l.set(wordArmed, 0)
	}
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return err
	}
	used := map[int]bool{}
	for _, entry := range entries {
		slot, s, ok := parseSpool(entry.Name())
		switch {
		case !ok:
		case fresh:
			if err := os.Remove(filepath.Join(l.dir, entry.Name())); err != nil {
				return err
			}
		default:
			used[slot] = true
			l.left = append(l.left, leftover{slot, source{Source: s}})
		}
	}
	for slot := slotCount - 1; slot >= 0; slot-- {
		if !used[slot] {
			l.free = append(l.free, slot)
		}
	}
	l.set(wordBoot, boot)
	return l.cut(logs)
}

// cut undoes the write that the last process died in, if it did: those lines
// are in the spool, from where they are written again.
func (l *ledger) cut(logs string) error {
	armed := int(l.get(wordArmed)) - 1
	for _, left := range l.left {
		if left.slot != armed || l.position(armed) != int64(l.get(wordBefore)) {
			continue
		}
		path, err := logPath(logs, left.Project, left.Service)
		if err != nil {
			return err
		}
		if err := cutFile(path, l.get(wordInode), int64(l.get(wordLength))); err != nil {
			return err
		}
	}
	l.disarm()
	return nil
}

// cutFile shortens a file, if it is still the one that is meant.
func cutFile(path string, inode uint64, length int64) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	is, size, err := sys.Identity(int(file.Fd()))
	if err != nil || is != inode || size <= length {
		return err
	}
	return file.Truncate(length)
}

// arm is what has to be known before lines of a spool are written: a death
// between arm and the next commit takes back what is in the log beyond length.
// The order of the stores matters: the last one makes the others valid.
func (l *ledger) arm(slot int, before int64, inode uint64, length int64) {
	l.disarm()
	l.set(wordBefore, uint64(before))
	l.set(wordInode, inode)
	l.set(wordLength, uint64(length))
	l.set(wordArmed, uint64(slot)+1)
}

// disarm follows a commit, which already made the words void by moving the
// position; positions may be used again after it.
func (l *ledger) disarm() { l.set(wordArmed, 0) }

func (l *ledger) get(word int) uint64        { return atomic.LoadUint64(&l.words[word]) }
func (l *ledger) set(word int, value uint64) { atomic.StoreUint64(&l.words[word], value) }

func (l *ledger) position(slot int) int64 { return int64(l.get(wordCount + slot)) }

func (l *ledger) setPosition(slot int, to int64) { l.set(wordCount+slot, uint64(to)) }

func (l *ledger) close() error { return l.words.Unmap() }

// spoolName tells a later process whose bytes these are.
func spoolName(slot int, s *Source) (string, error) {
	parts := []string{strconv.Itoa(slot), s.Project, s.Service, s.Incarnation, s.Stream, s.Label}
	name := strings.Join(parts, ",")
	if strings.Count(name, ",") != len(parts)-1 || strings.ContainsAny(name, "/\x00") {
		return "", fmt.Errorf("cannot name the spool of %q: its names have a separator", s.Service)
	}
	return name, nil
}

func parseSpool(name string) (slot int, s Source, ok bool) {
	parts := strings.Split(name, ",")
	if len(parts) != 6 {
		return 0, Source{}, false
	}
	slot, err := strconv.Atoi(parts[0])
	if err != nil || slot < 0 || slot >= slotCount {
		return 0, Source{}, false
	}
	return slot, Source{Project: parts[1], Service: parts[2], Incarnation: parts[3], Stream: parts[4], Label: parts[5]}, true
}
