package supervisor

import (
	"fmt"
	"os"
	"slices"

	"systemg.org/sysg/pkg/execclient"
	"systemg.org/sysg/pkg/spec"
)

// The part of the helper without processes that is about sockets, stored
// descriptors and generations. Each request is noted and answered at once.

func (h *helper) note(request execclient.Request, incarnation, words string, reply spec.Reply) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, words)
	h.say(reply, request, incarnation)
}

func done() spec.Reply { return spec.Reply{Done: &spec.Done{}} }

// Listen answers with a copy of /dev/null for each name.
func (h *helper) Listen(l spec.Listen, files []*os.File) error {
	_ = discard(files)
	words := fmt.Sprintf("listen %s", l.Service)
	if l.Watch {
		words += " watch"
	}
	if len(files) > 0 {
		words += fmt.Sprintf(" with %d", len(files))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, words)
	event := execclient.Event{Request: execclient.RequestListen, Project: l.Project, Service: l.Service}
	if refused, broken := h.unheard[l.Service]; broken {
		event.Reply = spec.Reply{Refused: &refused}
		h.events <- event
		return nil
	}
	names := slices.Clone(h.sockets[l.Service])
	for range names {
		file, err := os.Open("/dev/null")
		if err != nil {
			h.t.Error(err)
		}
		event.Sockets = append(event.Sockets, file)
	}
	event.Reply = spec.Reply{Listening: &spec.Listening{Names: names}}
	h.events <- event
	return nil
}

// wants is somebody who connects to a service's socket.
func (h *helper) wants(service string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events <- execclient.Event{
		Reply:   spec.Reply{Wanted: &spec.Wanted{Project: "p", Service: service}},
		Project: "p", Service: service,
	}
}

func (h *helper) Unlisten(u spec.Unlisten) error {
	h.mu.Lock()
	h.asked = append(h.asked, "unlisten "+u.Service)
	slow := h.slow
	h.mu.Unlock()
	if !slow {
		h.unlistened(u.Service)
	}
	return nil
}

// unlistened answers an Unlisten.
func (h *helper) unlistened(service string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events <- execclient.Event{Reply: done(), Request: execclient.RequestUnlisten, Project: "p", Service: service}
}

func (h *helper) Main(m spec.Main) error {
	h.note(execclient.RequestMain, m.Incarnation, fmt.Sprintf("main %d", m.PID), done())
	return nil
}

func (h *helper) Keep(k spec.Keep, files []*os.File) error {
	h.note(execclient.RequestKeep, k.Incarnation, fmt.Sprintf("keep %s %d", k.Name, len(files)), done())
	return discard(files)
}

func (h *helper) Drop(d spec.Drop) error {
	h.note(execclient.RequestDrop, d.Incarnation, "drop "+d.Name, done())
	return nil
}

func (h *helper) Activate(a spec.Activate) error {
	h.note(execclient.RequestActivate, "", fmt.Sprintf("activate %d", a.Number),
		spec.Reply{Installed: &spec.Installed{Project: a.Project, Number: a.Number + 1, Hash: "h", Changed: true}})
	return nil
}

func (h *helper) Remove(r spec.Remove) error {
	h.note(execclient.RequestRemove, "", "remove "+r.Project, done())
	return nil
}
