package execclient

import (
	"fmt"
	"os"

	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// Listen asks for the sockets of a service; Listening with copies of them, or
// Refused, follows. The files are for l.Names, one each; they are taken over.
func (c *Conn) Listen(l spec.Listen, files []*os.File) error {
	q := question{request: RequestListen, project: l.Project, service: l.Service}
	return c.sendFiles(spec.Request{Listen: &l}, q, files)
}

// Unlisten closes the sockets of a service and what it had stored; Done
// follows.
func (c *Conn) Unlisten(u spec.Unlisten) error {
	return c.send(spec.Request{Unlisten: &u}, question{request: RequestUnlisten, project: u.Project, service: u.Service})
}

// Main names another main process of an incarnation; Done or Refused follows.
func (c *Conn) Main(m spec.Main) error {
	return c.send(spec.Request{Main: &m}, question{request: RequestMain, incarnation: m.Incarnation})
}

// Keep stores files for the next incarnation of a service; Done or Refused
// follows. The files are taken over.
func (c *Conn) Keep(k spec.Keep, files []*os.File) error {
	return c.sendFiles(spec.Request{Keep: &k}, question{request: RequestKeep, incarnation: k.Incarnation}, files)
}

// Drop closes what is stored under a name; Done or Refused follows.
func (c *Conn) Drop(d spec.Drop) error {
	return c.send(spec.Request{Drop: &d}, question{request: RequestDrop, incarnation: d.Incarnation})
}

// sendFiles sends a request with files, which are closed in any case.
func (c *Conn) sendFiles(request spec.Request, q question, files []*os.File) error {
	defer closeFiles(files...)
	var fds []int
	for _, file := range files {
		fd, err := sys.DupFD(file)
		if err != nil {
			sys.CloseAll(fds)
			return fmt.Errorf("cannot send %s to sysg-exec: %w", q.request, err)
		}
		fds = append(fds, fd)
	}
	return c.send(request, q, fds...)
}
