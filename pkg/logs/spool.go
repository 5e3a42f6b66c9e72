package logs

import (
	"errors"
	"os"
	"path/filepath"
	"slices"

	"systemg.org/sysg/pkg/sys"
)

// errNoSlot is only seen with more pipes than anybody has.
var errNoSlot = errors.New("the ledger is full")

// spool is the file through which a pipe's bytes go, so that they survive us
// from the moment that they leave the pipe. Bytes before start are in the log;
// those from start to end are not, or not all of them.
type spool struct {
	ledger     *ledger
	slot       int
	path       string
	file       *os.File
	start, end int64
	punched    int64 // bytes before it take no room
}

// create makes the spool of a pipe.
func (l *ledger) create(s *Source) (*spool, error) {
	if len(l.free) == 0 {
		return nil, errNoSlot
	}
	slot := l.free[len(l.free)-1]
	name, err := spoolName(slot, s)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(l.dir, name)
	l.setPosition(slot, 0) // Before there is a file to which it applies.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	l.free = l.free[:len(l.free)-1]
	return &spool{ledger: l, slot: slot, path: path, file: file}, nil
}

// claim takes over the first spool left over that belongs to a pipe for which
// mine is true. It returns nil where there is none.
func (l *ledger) claim(mine func(Source) bool) (*spool, Source, error) {
	i := slices.IndexFunc(l.left, func(left leftover) bool { return mine(left.Source) })
	if i < 0 {
		return nil, Source{}, nil
	}
	left := l.left[i]
	l.left = slices.Delete(l.left, i, i+1)
	name, err := spoolName(left.slot, &left.Source)
	if err != nil {
		return nil, Source{}, err
	}
	p := &spool{ledger: l, slot: left.slot, path: filepath.Join(l.dir, name), start: l.position(left.slot)}
	if p.file, err = os.OpenFile(p.path, os.O_RDWR, 0); err != nil {
		return nil, Source{}, err
	}
	if _, p.end, err = sys.Identity(p.fd()); err != nil {
		return nil, Source{}, errors.Join(err, p.file.Close())
	}
	if p.start > p.end { // It died in empty: the file is, the ledger does not know.
		p.start = p.end
	}
	return p, left.Source, nil
}

func (p *spool) fd() int { return int(p.file.Fd()) }

// take moves what a pipe holds to the end of the spool.
func (p *spool) take(pipeFD int) (n int, err error) {
	if n, err = sys.Splice(pipeFD, p.fd(), p.end, readSize); n <= 0 || err != nil {
		return 0, err
	}
	p.end += int64(n)
	return n, nil
}

// commit says that count more bytes are dealt with. This one store decides: a
// process that dies before it has not written them, one that dies after it has.
func (p *spool) commit(count int64) {
	p.start += count
	p.ledger.setPosition(p.slot, p.start)
}

// trim gives back the room of what is dealt with. It reports whether it could;
// otherwise the spool would grow for ever.
func (p *spool) trim() bool {
	if p.start == p.end {
		return p.empty()
	}
	const page = 4096
	if p.start-p.punched < readSize {
		return true
	}
	to := p.start &^ (page - 1)
	if err := sys.PunchHole(p.fd(), to); err != nil {
		return false
	}
	p.punched = to
	return true
}

// empty begins anew at position 0. All of it must be dealt with, and nothing
// be armed. A death between the two leaves a position beyond the end, which is
// the same as one at the end.
func (p *spool) empty() bool {
	if err := p.file.Truncate(0); err != nil {
		return false
	}
	p.start, p.end, p.punched = 0, 0, 0
	p.ledger.setPosition(p.slot, 0)
	return true
}

// close leaves the spool to the next process.
func (p *spool) close() { _ = p.file.Close() }

// remove ends the spool of a pipe that is at its end.
func (p *spool) remove() {
	p.close()
	if err := os.Remove(p.path); err == nil {
		p.ledger.free = append(p.ledger.free, p.slot)
	}
}
