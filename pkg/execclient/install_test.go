package execclient

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

func shop() *generation.Generation {
	g := &generation.Generation{
		Supervise: generation.Supervise{Format: generation.Format, Project: "shop", Name: "shop", Manifest: "/m.yaml"},
		Launch:    generation.Launch{Format: generation.Format, Project: "shop", Inherited: []string{"A=" + strings.Repeat("x", 100_000)}},
	}
	generation.Seal(g)
	return g
}

func TestInstallSendsTheGenerationSealed(t *testing.T) {
	g := shop()
	c := dialed(t, func(f *fake) {
		request, fds := f.request()
		defer sys.CloseAll(fds)
		if request.Install == nil || len(fds) != 1 {
			f.t.Errorf("got %+v with %d descriptors", request, len(fds))
			return
		}
		text, err := sys.ReadSealed(fds[0], spec.MaxGeneration)
		if err != nil {
			f.t.Error(err)
			return
		}
		if got, err := generation.Decode(text); err != nil || !reflect.DeepEqual(got, g) {
			f.t.Errorf("got another generation: %v", err)
		}
		f.reply(spec.Reply{ID: request.ID, Installed: &spec.Installed{Project: "shop", Number: 3, Hash: g.Supervise.Hash, Changed: true}})
		f.end()
	})
	before := openFDs(t)
	installed, err := c.Install(g)
	if err != nil || installed != (spec.Installed{Project: "shop", Number: 3, Hash: g.Supervise.Hash, Changed: true}) {
		t.Errorf("got %+v, %v", installed, err)
	}
	_ = c.Close()
	wantEnd(t, c)
	if after := openFDs(t); after > before {
		t.Errorf("%d descriptors open, %d before", after, before)
	}
}

func TestInstallThatFails(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer func(*fake, uint64)
		check  func(error) bool
	}{
		{"refused", func(f *fake, id uint64) {
			f.reply(spec.Reply{ID: id, Refused: &spec.Refused{Reason: spec.ReasonPeer, Detail: "not yours"}})
		}, func(err error) bool {
			var refused *Refused
			return errors.As(err, &refused) && *refused == Refused{spec.ReasonPeer, "not yours"}
		}},
		{"closed", func(*fake, uint64) {}, func(err error) bool { return errors.Is(err, io.EOF) }},
		{"silence", func(f *fake, _ uint64) { f.end() }, func(err error) bool { return errors.Is(err, errNoAnswer) }},
		{"another hash", func(f *fake, id uint64) {
			f.reply(spec.Reply{ID: id, Installed: &spec.Installed{Project: "shop", Number: 1, Hash: hash}})
		}, func(err error) bool { return strings.Contains(err.Error(), "another generation") }},
		{"garbage", func(f *fake, _ uint64) { f.raw([]byte("{}{}")) }, func(err error) bool { return strings.Contains(err.Error(), "protocol") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := dialed(t, func(f *fake) {
				request, fds := f.request()
				sys.CloseAll(fds)
				test.answer(f, request.ID)
			})
			_, err := c.install(shop(), time.Second)
			if err == nil || !test.check(err) {
				t.Errorf("got %v", err)
			}
		})
	}
	c := dialed(t, func(f *fake) { f.end() })
	invalid := shop()
	invalid.Supervise.Manifest = "relative"
	if _, err := c.Install(invalid); err == nil || !strings.Contains(err.Error(), "manifest") {
		t.Errorf("an invalid generation: %v", err)
	}
}
